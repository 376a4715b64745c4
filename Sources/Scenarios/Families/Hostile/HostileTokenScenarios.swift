// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// Ranges of tokens that user space may return by `SO_DEVMEM_DONTNEED`, and that the kernel must handle (`sock_devmem_dontneed()`,
/// net/core/sock.c).
enum HostileTokenScenarios {
    typealias Range = DeviceMemory.TokenRange

    private static let pages = 80
    private static let held = 30
    private static let turnover = AreaMemory.smallTurnover
    private static let stream: UInt64 = 700_000
    private static let last: UInt64 = 40_000
    /// `MAX_DONTNEED_FRAGS`: the most tokens that one call handles.
    private static let maximumTokens = 1024

    /// A receiver that holds fragments of one socket.
    private struct Scene {
        var run: ScenarioRun
        var bed: any TestBed
        var receiver: DevmemReceiver
        var socket: Connection

        /// Tokens of the held fragments, in the order of the stream.
        var tokens: [UInt32] { receiver.held.map { $0.fragment.token } }

        /// Returns tokens, and expects that the kernel takes that many.
        func returnBuffers(_ ranges: [Range], taking expected: Int, _ what: String) throws {
            try run.step("\(what): \(expected) taken") {
                let taken = try DeviceMemory.dontNeed(ranges, of: socket.rawValue)
                guard taken == expected else { throw ScenarioFailure("the kernel took \(taken)") }
            }
        }

        /// Returns tokens, and expects a refusal.
        func refused(_ expected: CInt, _ what: String, _ attempt: () throws -> Int) throws {
            let name = KernelError("", code: expected).codeName
            try run.step("\(what): \(name)") {
                do {
                    let taken = try attempt()
                    throw ScenarioFailure("the kernel granted it, and took \(taken)")
                } catch let error as KernelError {
                    guard error.code == expected else { throw error }
                }
            }
        }

        /// Removes the fragments with these tokens from those that the user holds.
        func dropHeld(_ tokens: some Sequence<UInt32>) {
            let returned = Set(tokens)
            receiver.dropHeld { returned.contains($0.token) }
        }
    }

    private static func scenario(
        _ name: String, _ summary: String, thorough: Bool = false, _ attack: @escaping @Sendable (Scene) throws -> Void
    ) -> Scenario {
        Scenario(
            "hostile.tokens.\(name)", summary, tier: .netdevsim, needs: Provider.devmem.needs.union([.removableInterface]),
            expects: Expectation(
                provider: .devmem, minimumHolds: pages, zeroCopy: true, payload: true,
                pools: ExpectedPools(buffers: UInt64(pages), traffic: true)),
            thorough: thorough
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 31)
            let receiver = try DevmemReceiver.make(run, bed: bed, pages: pages, pattern: pattern)
            let socket = try bed.connect(run)
            try socket.limitReceiveBuffer(16_384)
            try bed.peer.send(pattern, bytes: stream)
            let scene = Scene(run: run, bed: bed, receiver: receiver, socket: socket)
            try hold(scene)
            try attack(scene)
            try finish(scene)
        }
    }

    /// Receives and holds fragments of ``held`` net_iovs.
    private static func hold(_ scene: Scene) throws {
        try scene.run.step("\(held) net_iovs held") {
            while scene.receiver.heldNetIovs < held {
                try scene.receiver.receive(
                    from: scene.socket.rawValue, total: scene.receiver.received + 1, hold: true, limits: .init(bytes: 4096),
                    within: scene.run.timeout(20))
            }
        }
    }

    /// Checks that the held fragments are unchanged after every other buffer was reused, returns them, and ends socket and binding with the last
    /// bytes of the stream held.
    private static func finish(_ scene: Scene) throws {
        let (run, receiver, socket) = (scene.run, scene.receiver, scene.socket.rawValue)
        try run.userHolds(receiver.heldNetIovs)
        try run.step("\(turnover) bytes received, \(receiver.held.count) held fragments unchanged") {
            try receiver.receive(from: socket, total: receiver.received + turnover, hold: false, within: run.timeout(20))
            try receiver.recheckHeld()
        }
        try run.userHolds(0)
        try run.step("all returned, each token once") { try receiver.returnAll(to: socket) }
        try run.step("the rest of \(stream) bytes received, the last \(last) held") {
            try receiver.receive(from: socket, total: stream - last, hold: false, within: run.timeout(20))
            try receiver.receive(from: socket, total: stream, hold: true, within: run.timeout(20))
        }
        try run.userHolds(receiver.heldNetIovs)
        try receiver.recheckHeld()
        run.payload = receiver.payload(sent: try scene.bed.peer.sent(within: run.timeout(10)), complete: true)
        try run.pools.observe()
        try run.userEnds()
        try run.step("socket closed with \(receiver.held.count) tokens held") { scene.socket.close() }
        try run.step("unbound") { receiver.unbind() }
    }

    static let all: [Scenario] = [
        scenario("none", "an option of no tokens") { scene in
            try scene.refused(EINVAL, "no tokens") { try DeviceMemory.dontNeed([Range](), of: scene.socket.rawValue) }
        },
        scenario("count-zero", "ranges of no tokens") { scene in
            try scene.returnBuffers(scene.tokens.prefix(100).map { Range(start: $0, count: 0) }, taking: 0, "ranges of no tokens")
        },
        scenario("length", "an option whose length is no multiple of a range") { scene in
            for length in [4, 12, 7, 9] {
                try scene.refused(EINVAL, "\(length) bytes") {
                    try DeviceMemory.dontNeed(raw: [UInt8](repeating: 0, count: length), of: scene.socket.rawValue)
                }
            }
        },
        scenario("address", "an option at an address that is not mapped") { scene in
            try scene.refused(EFAULT, "tokens at address 4096") {
                try DeviceMemory.dontNeed(raw: [UInt8](repeating: 0, count: 64), at: 4096, of: scene.socket.rawValue)
            }
        },
        scenario("too-many-ranges", "more ranges than a call takes") { scene in
            let ranges = (0...DeviceMemory.maximumRanges).map { Range(start: scene.tokens[$0 % scene.tokens.count]) }
            try scene.refused(EINVAL, "\(ranges.count) ranges") { try DeviceMemory.dontNeed(ranges, of: scene.socket.rawValue) }
        },
        scenario("never-given", "tokens that the kernel has not delivered") { scene in
            let behind = (scene.tokens.max() ?? 0) + 1
            try scene.returnBuffers(
                [Range(start: behind, count: 500), Range(start: 1 << 30, count: 100), Range(start: 1 << 31, count: 100)], taking: 0,
                "tokens above the highest delivered one")
        },
        scenario("twice", "each token returned twice, in one call and in two") { scene in
            let tokens = Array(scene.tokens.prefix(20))
            try scene.returnBuffers(tokens.flatMap { [Range(start: $0), Range(start: $0)] }, taking: tokens.count, "each twice in one call")
            try scene.returnBuffers(tokens.map { Range(start: $0) }, taking: 0, "each again")
            scene.dropHeld(tokens)
        },
        scenario("overlap", "ranges that overlap") { scene in
            let tokens = Set(scene.tokens)
            let ranges = [Range(start: 2, count: 8), Range(start: 5, count: 10), Range(start: 0, count: 6), Range(start: 14, count: 2)]
            let named = Set((0..<16 as Swift.Range<UInt32>)).intersection(tokens)
            try scene.returnBuffers(ranges, taking: named.count, "ranges that overlap")
            scene.dropHeld(named)
        },
        scenario("too-many-tokens", "more tokens than one call handles") { scene in
            let tokens = scene.tokens
            let behind = (tokens.max() ?? 0) + 1
            // After so many free tokens the call handles no more.
            try scene.returnBuffers(
                [Range(start: behind, count: UInt32(maximumTokens))] + tokens.prefix(10).map { Range(start: $0) }, taking: 0,
                "\(maximumTokens) free tokens, and then some of held fragments")
            try scene.returnBuffers([Range(start: behind, count: .max), Range(start: tokens[0])], taking: 0, "a range of 2^32 - 1 tokens")
            let first = tokens.filter { $0 < maximumTokens }
            try scene.returnBuffers([Range(start: 0, count: .max)], taking: first.count, "2^32 - 1 tokens from token 0")
            scene.dropHeld(first)
        },
        scenario("wrap", "a range that wraps at 2^32") { scene in
            let tokens = Set(scene.tokens)
            let named = Set((0..<6 as Swift.Range<UInt32>)).intersection(tokens)
            // The kernel counts the tokens of a range in 32 bits, which wrap.
            try scene.returnBuffers([Range(start: .max - 3, count: 10)], taking: named.count, "10 tokens from 2^32 - 4")
            scene.dropHeld(named)
        },
        scenario("reserved", "tokens that the kernel reserved for fragments of a packet and did not deliver") { scene in
            // A small receive reserves tokens for all fragments of a packet, delivers one or two, and frees the others.
            for _ in 0..<8 {
                let before = Set(scene.tokens)
                try scene.run.step("a receive of 1000 bytes") {
                    try scene.receiver.receive(
                        from: scene.socket.rawValue, total: scene.receiver.received + 1, hold: true, limits: .init(bytes: 1000),
                        within: scene.run.timeout(20))
                }
                let delivered = Set(scene.tokens)
                let next = (delivered.subtracting(before).max() ?? 0) + 1
                let free = (next..<next + 17).filter { !delivered.contains($0) }
                try scene.returnBuffers(free.map { Range(start: $0) }, taking: 0, "the next \(free.count) tokens")
            }
        },
        scenario("shared", "all tokens of a buffer returned except one") { scene in
            // Receives smaller than a fragment deliver several tokens of one net_iov.
            try scene.run.step("received 500 bytes at a time") {
                for _ in 0..<24 {
                    try scene.receiver.receive(
                        from: scene.socket.rawValue, total: scene.receiver.received + 1, hold: true, limits: .init(bytes: 500),
                        within: scene.run.timeout(20))
                }
            }
            var tokens: [UInt64: [UInt32]] = [:]
            for (fragment, _) in scene.receiver.held { tokens[fragment.offset / 4096, default: []].append(fragment.token) }
            let some = tokens.values.filter { $0.count > 1 }.flatMap { $0.dropLast() }
            try scene.run.expect(!some.isEmpty, "some net_iovs have several tokens", "none has")
            try scene.returnBuffers(some.map { Range(start: $0) }, taking: some.count, "all tokens of each net_iov except the last")
            scene.dropHeld(some)
        },
        scenario("other-socket", "tokens of a socket returned through another one") { scene in
            let wire = try Loopback(scene.run, pattern: PayloadPattern(seed: 32))
            try scene.run.step("through a connection without device memory: none taken") {
                let taken = try DeviceMemory.dontNeed(scene.tokens.prefix(100).map { Range(start: $0) }, of: wire.receiver.rawValue)
                guard taken == 0 else { throw ScenarioFailure("the kernel took \(taken)") }
            }
        },
        scenario("no-tcp", "tokens returned through a socket other than TCP") { scene in
            let datagram = socket(AF_INET, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard datagram >= 0 else { throw KernelError("making a datagram socket", code: errno) }
            defer { close(datagram) }
            try scene.refused(EBADF, "through a UDP socket") { try DeviceMemory.dontNeed([Range(start: scene.tokens[0])], of: datagram) }
        },
        Scenario(
            "hostile.tokens.two-sockets", "two sockets with the same tokens; those of the first returned through the second", tier: .netdevsim,
            needs: Provider.devmem.needs.union([.removableInterface]),
            expects: Expectation(
                provider: .devmem, minimumHolds: pages, zeroCopy: true, payload: true,
                pools: ExpectedPools(buffers: UInt64(pages), traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 33)
            let receiver = try DevmemReceiver.make(run, bed: bed, pages: pages, pattern: pattern)
            let bytes: UInt64 = 60_000
            let first = try bed.connect(run)
            try run.step("\(bytes) bytes received over the first socket and held") {
                try bed.peer.send(pattern, bytes: bytes)
                try receiver.receive(from: first.rawValue, total: bytes, hold: true, within: run.timeout(20))
            }
            let count = try bed.peer.sent(within: run.timeout(10))
            let tokens = receiver.held.map { $0.fragment.token }
            receiver.beginStream()
            let second = try bed.connect(run)
            try second.limitReceiveBuffer(16_384)
            try run.userHolds(receiver.heldNetIovs)
            try bed.peer.send(pattern, bytes: stream)
            try run.step("tokens of the first socket returned through the second: none taken") {
                let taken = try DeviceMemory.dontNeed(tokens.prefix(100).map { Range(start: $0) }, of: second.rawValue)
                guard taken == 0 else { throw ScenarioFailure("the kernel took \(taken)") }
            }
            try run.step("\(stream) bytes received over the second socket, fragments of the first unchanged") {
                try receiver.receive(from: second.rawValue, total: bytes + stream, hold: false, within: run.timeout(20))
                try receiver.recheckHeld()
            }
            run.payload = receiver.payload(sent: count + (try bed.peer.sent(within: run.timeout(10))), complete: true)
            try run.pools.observe()
            second.close()
            try run.userEnds()
            try run.step("first socket closed with \(receiver.held.count) tokens held") { first.close() }
            try run.step("unbound") { receiver.unbind() }
        },
    ]
}

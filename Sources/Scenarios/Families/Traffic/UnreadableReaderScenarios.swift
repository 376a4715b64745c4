// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// System calls that cannot read a provider's payload: each is refused and takes no byte, and the provider's reader receives all bytes afterwards.
enum UnreadableReaderScenarios {
    static let all: [Scenario] = [zeroCopy, devmem, pollingFirst]

    private static let bytes: UInt64 = 20_000
    /// Bytes discarded by MSG_TRUNC.
    private static let skipped: UInt64 = 1000
    private static let pattern = PayloadPattern(seed: 740)

    private static let zeroCopy = TrafficFamily.scenario(.zcrx, "unreadable", "other kinds of receive are refused, and take no byte") { run in
        let bed = try run.makeTestBed()
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern)
        let socket = try bed.connectWithUnread(run, pattern, bytes)
        try refused(run, socket)
        try refused(run, "a devmem receive", [EFAULT, ENODEV]) { try DeviceMemory.receive(socket: socket.rawValue).count }
        try skip(run, socket)
        receiver.continueStream(at: skipped)
        try run.step("the rest received and held") {
            try receiver.receive(from: socket.rawValue, total: bytes - skipped, hold: true, within: run.timeout(10))
            try receiver.recheckHeld()
        }
        try run.userHolds(receiver.heldNetIovs)
        run.payload = try receiver.payload(sent: bytes - skipped, complete: true)
        try run.pools.observe()
        socket.close()
        try run.userEnds()
        try run.step("ring closed") { receiver.close() }
    }

    private static let devmem = TrafficFamily.scenario(
        .devmem, "unreadable", "other kinds of receive are refused, and take no byte; MSG_PEEK takes none",
        needs: [.zcrx, .zcrxNoDevice]
    ) { run in
        let bed = try run.makeTestBed()
        let receiver = try DevmemReceiver.make(run, bed: bed, pattern: pattern)
        let socket = try bed.connectWithUnread(run, pattern, bytes)
        try refused(run, socket)
        let other = try ZeroCopyReceiver(at: nil, pages: 64, statistics: false, pattern: pattern)
        try refused(run, "a zero-copy receive", [EFAULT]) {
            try other.receive(from: socket.rawValue, total: 1, hold: true, within: run.timeout(5))
            return Int(other.received)
        }
        other.close()
        let peeked = try run.step("some received with MSG_PEEK, with tokens") {
            try DeviceMemory.receive(socket: socket.rawValue, limits: DeviceMemory.Limits(bytes: 7000), peek: true)
        }
        try run.expect(
            peeked.count == 7000 && peeked.fragments.reduce(0) { $0 + Int($1.size) } == 7000, "7000 bytes of fragments were delivered", "\(peeked)")
        try skip(run, socket)
        receiver.continueStream(at: skipped)
        try run.step("the rest received and returned") {
            try receiver.receive(from: socket.rawValue, total: bytes - skipped, hold: false, within: run.timeout(10))
        }
        try run.step("the fragments of MSG_PEEK are unchanged, and returned") {
            var start: UInt64 = 0
            for fragment in peeked.fragments {
                try receiver.compare(fragment, with: pattern, at: start)
                start += UInt64(fragment.size)
            }
            try DevmemReceiver.returnTokens(of: peeked.fragments, to: socket)
        }
        run.payload = receiver.payload(sent: bytes - skipped, complete: true)
        try run.pools.observe()
        socket.close()
        try run.step("unbound") { receiver.unbind() }
    }

    /// `io_recvzc()` polls the socket once before it reads (`IORING_RECVSEND_POLL_FIRST`).
    private static let pollingFirst = TrafficFamily.scenario(
        .zcrx, "poll-first", "a request that polls first receives the unread bytes, and those sent afterwards"
    ) { run in
        let bed = try run.makeTestBed()
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern)
        receiver.pollsFirst = true
        let socket = try bed.connectWithUnread(run, pattern, bytes)
        try run.step("unread bytes received and returned") {
            try receiver.receive(from: socket.rawValue, total: bytes, hold: false, within: run.timeout(10))
        }
        try run.step("bytes of two later writes received and returned") {
            for turn in 1...2 {
                try bed.peer.write(0, pattern, from: UInt64(turn) * bytes, bytes: bytes, sizes: [3000])
                try receiver.receive(from: socket.rawValue, total: UInt64(turn + 1) * bytes, hold: false, within: run.timeout(10))
                _ = try bed.peer.written(0, within: run.timeout(10))
            }
        }
        run.payload = try receiver.payload(sent: 3 * bytes, complete: true)
        try run.pools.observe()
        socket.close()
        try run.step("ring closed") { receiver.close() }
    }

    /// The calls that every TCP socket has.
    private static func refused(_ run: ScenarioRun, _ socket: Connection) throws {
        try refused(run, "recv(2)", [EFAULT]) { try take(socket, 0) }
        try refused(run, "recv(2) with MSG_PEEK", [EFAULT]) { try take(socket, CInt(MSG_PEEK)) }
        try refused(run, "splice(2)", [EFAULT, EAGAIN]) { try SocketReading.splice(socket.rawValue, upTo: 8192) }
        try refused(run, "TCP_ZEROCOPY_RECEIVE", [EIO]) { try SocketReading.map(socket.rawValue, upTo: 8192) }
    }

    private static func refused(_ run: ScenarioRun, _ what: String, _ codes: [CInt], _ body: () throws -> Int) throws {
        var answer: String
        var isRefused = false
        do {
            let count = try body()
            (answer, isRefused) = ("\(count) bytes", count == 0)
        } catch let error as KernelError {
            (answer, isRefused) = ("\(error)", codes.contains(error.code))
        }
        try run.expect(isRefused, "\(what) delivers nothing", "the result was \(answer)")
    }

    private static func take(_ socket: Connection, _ flags: CInt) throws -> Int {
        var buffer = [UInt8](repeating: 0, count: 5000)
        let count = recv(socket.rawValue, &buffer, buffer.count, flags)
        guard count >= 0 else { throw KernelError("recv", code: errno) }
        return count
    }

    /// recv(2) with MSG_TRUNC and no buffer discards bytes, and the kernel releases their net_iovs.
    private static func skip(_ run: ScenarioRun, _ socket: Connection) throws {
        let count = recv(socket.rawValue, nil, Int(skipped), CInt(MSG_TRUNC))
        try run.expect(count == Int(skipped), "\(skipped) bytes discarded by MSG_TRUNC", "\(count) were")
    }
}

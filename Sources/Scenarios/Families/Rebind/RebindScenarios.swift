// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Binding again at once after every kind of end. The queue may answer that it is bound (EEXIST) for as long as the end takes, and
/// nothing else; how long that was is noted. Then payload goes through the new binding.
enum RebindScenarios {
    static let all: [Scenario] =
        Provider.ofNetIovs.flatMap { provider in
            [
                closed(provider, "close", rounds: 5),
                closed(provider, "close-often", rounds: 50, thorough: true),
                unread(provider),
                killed(provider),
                down(provider),
                restarted(provider),
                removed(provider),
                flooded(provider),
            ]
        } + [removedTwice, stream, failedZeroCopy, failedDevmem]

    /// Frames that nobody wants keep coming while the provider ends: until the queue has let go of it, they are received into its buffers.
    private static func flooded(_ provider: Provider) -> Scenario {
        let (rounds, pieces, length) = (6, 12, 1200)
        return RebindFamily.scenario(
            provider, "flood", "while frames keep coming, \(rounds) times", pools: rounds, needs: [.removableInterface]
        ) { run in
            let bed = try run.makeTestBed()
            var socket: Connection?
            let pattern = PayloadPattern(seed: 920)
            var sum = RebindFamily.Sum()
            for round in 0..<rounds {
                let streams = try provider.makeStreams(run, bed: bed)
                let here = try socket ?? bed.connectRawTCP(run)
                socket = here
                let stream = streams.add(here, pattern, received: sum.sent)
                let first = Int(sum.sent)
                sum.sent += UInt64(pieces * length)
                try run.step("round \(round + 1): \(pieces * length) bytes received and returned") {
                    try bed.peer.sendSegments(pattern, from: first, count: pieces, length: length, within: run.timeout(20))
                    try streams.receive([stream: sum.sent], within: run.timeout(10))
                }
                let copied = try streams.payload(sent: sum.sent).copied
                sum.copied += copied
                sum.zeroCopy += UInt64(pieces * length) - copied
                try run.pools.observe()
                try run.measuredStep("provider ended while its first bytes come again and again") {
                    try bed.peer.perform(.flood(seed: pattern.seed, length: length))
                    streams.end()
                    try bed.waitUnbound(within: run.timeout(10))
                    return "\(try bed.peer.perform(.stopFlood, within: run.timeout(20)).number ?? 0) times"
                }
            }
            run.payload = sum.payload
        }
    }

    /// The owner closes its ring or netlink socket, in turn with nothing held and with buffers that it never gave back.
    private static func closed(_ provider: Provider, _ name: String, rounds: Int, thorough: Bool = false) -> Scenario {
        RebindFamily.scenario(
            provider, name, "after its owner closed it, \(rounds) times", pools: rounds + 1, thorough: thorough
        ) { run in
            let bed = try run.makeTestBed()
            var sum = RebindFamily.Sum()
            var streams = try provider.makeStreams(run, bed: bed)
            for round in 1...rounds {
                let hold = provider == .zcrx && round % 2 == 0
                try RebindFamily.move(run, bed, streams, &sum, seed: UInt64(round), hold: hold)
                if hold {
                    try run.userHolds(streams.heldNetIovs)
                    try run.userEnds()
                }
                try run.step("closed\(hold ? " with \(streams.held.count) deliveries held" : "")") { streams.end() }
                streams = try RebindFamily.bind(run, provider, bed)
            }
            try RebindFamily.move(run, bed, streams, &sum, seed: UInt64(rounds + 1))
            try RebindFamily.finish(run, streams, sum)
        }
    }

    /// The old pool still has buffers in a socket when the new one is bound.
    private static func unread(_ provider: Provider) -> Scenario {
        RebindFamily.scenario(provider, "unread", "after it was closed with data unread in a socket", detached: true) { run in
            let bed = try run.makeTestBed()
            var sum = RebindFamily.Sum()
            let first = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connectWithUnread(run)
            try run.step("closed") { first.end() }
            let streams = try RebindFamily.bind(run, provider, bed)
            try RebindFamily.move(run, bed, streams, &sum, seed: 1)
            try run.expectDetachedPool(of: provider)
            try run.step("the socket with the old data closed") { socket.close() }
            try RebindFamily.move(run, bed, streams, &sum, seed: 2)
            sum = RebindFamily.Sum(sent: sum.sent, zeroCopy: streams.received(0) + streams.received(1), copied: 0)
            try RebindFamily.finish(run, streams, sum)
        }
    }

    private static func killed(_ provider: Provider) -> Scenario {
        RebindFamily.scenario(provider, "kill", "after its owner was killed") { run in
            let bed = try run.makeTestBed()
            let place = [String(bed.ifindex), String(bed.queue)]
            let arguments = provider == .zcrx ? ["zcrx-receive"] + place + [bed.local, String(run.timeout(1))] : ["devmem-bind"] + place
            let worker = try run.step("owner started") { try run.environment.startWorker(arguments) }
            if provider == .zcrx {
                try run.step("it has registered and listens") { _ = try worker.ask("listen", within: run.timeout(10)) }
                try bed.peer.connect(to: bed.local, port: Connection.port, within: run.timeout(10))
                run.cleanUp("peer's socket closed") { try bed.peer.abort() }
                try run.step("traffic without end") { try bed.peer.send(PayloadPattern(seed: 4), bytes: 0) }
                let held = try run.step("it holds buffers") { Int(try worker.ask("receive 65536", within: run.timeout(20))) ?? 0 }
                try run.expect(held > 0, "net_iovs held by the owner", "it says that it has none")
                try run.userHolds(held)
            } else {
                try run.step("it has bound") { _ = try worker.ask("bind", within: run.timeout(10)) }
            }
            try run.pools.observe()
            try run.userEnds(killed: true)
            try run.step("owner killed") { try worker.killNow() }
            var sum = RebindFamily.Sum()
            let streams = try RebindFamily.bind(run, provider, bed)
            try RebindFamily.move(run, bed, streams, &sum, seed: 1)
            try RebindFamily.finish(run, streams, sum)
        }
    }

    /// Ended and bound again while the interface is down: the pool of the new binding is made when it comes up.
    private static func down(_ provider: Provider) -> Scenario {
        RebindFamily.scenario(provider, "down", "while the interface is down, where it was closed") { run in
            let bed = try run.makeTestBed()
            var sum = RebindFamily.Sum()
            let first = try provider.makeStreams(run, bed: bed)
            try RebindFamily.move(run, bed, first, &sum, seed: 1)
            try run.step("interface down") { try bed.setUp(false) }
            try run.step("closed") { first.end() }
            let streams = try RebindFamily.bind(run, provider, bed)
            try run.step("interface up") { try bed.setUp(true) }
            try RebindFamily.move(run, bed, streams, &sum, seed: 2)
            try RebindFamily.finish(run, streams, sum)
        }
    }

    /// Ended right after a restart, with the old pool of the first binding still out.
    private static func restarted(_ provider: Provider) -> Scenario {
        RebindFamily.scenario(
            provider, "restart", "after a restart of the queue and a close, with data unread in a socket", detached: true, pools: 3,
            needs: [.queueReset]
        ) { run in
            let bed = try run.makeTestBed()
            var sum = RebindFamily.Sum()
            let first = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connectWithUnread(run)
            try run.step("queue restarted") { try bed.resetQueue(mode: 3) }
            try run.expectDetachedPool(of: provider)
            try run.step("closed") { first.end() }
            let streams = try RebindFamily.bind(run, provider, bed)
            try RebindFamily.move(run, bed, streams, &sum, seed: 1)
            try run.step("the socket with the old data closed") { socket.close() }
            try RebindFamily.finish(run, streams, sum)
        }
    }

    /// The device is taken away and made again. zcrx keeps a reference on the device it maps for, so it may still be registered;
    /// devmem keeps none (docs/kernel-notes.md), so its binding is gone before.
    private static func removed(_ provider: Provider) -> Scenario {
        RebindFamily.scenario(
            provider, "remove", "to the device that was made again after a removal\(provider == .zcrx ? " under its ring" : "")",
            needs: [.removableInterface]
        ) { run in
            let before = ResourceCounters.dmaBufs()
            let bed = try run.makeTestBed()
            var sum = RebindFamily.Sum()
            let first = try provider.bindOnce(run, bed: bed)
            try run.userBound()
            try RebindFamily.move(run, bed, first, &sum, seed: 1)
            if provider == .devmem {
                try run.step("unbound, and its dma-buf unmapped") {
                    first.close()
                    try run.wait(orFail: "the dma-buf is still mapped", timeout: 5, pause: 0.005) { ResourceCounters.dmaBufs() == before }
                }
            }
            try run.step("interface removed") { try bed.remove() }
            let again = try bed.remade(run)
            let streams = try RebindFamily.bind(run, provider, again, patient: false)
            try RebindFamily.move(run, again, streams, &sum, seed: 2)
            try run.step("the first ended") { first.end() }
            try RebindFamily.move(run, again, streams, &sum, seed: 3)
            sum = RebindFamily.Sum(sent: 3 * RebindFamily.bytes, zeroCopy: first.received(0) + streams.received(0) + streams.received(1), copied: 0)
            try RebindFamily.finish(run, streams, sum)
        }
    }

    /// A removed device's pools go over to the namespace's loopback (`page_pool_unreg_netdev()`), and those of a second one join them.
    private static let removedTwice = RebindFamily.scenario(
        .zcrx, "remove-twice", "to the device that was made again after a removal with buffers held, and is removed so once more", detached: true,
        needs: [.removableInterface]
    ) { run in
        let bed = try run.makeTestBed()
        var sum = RebindFamily.Sum()
        let first = try Provider.zcrx.bindOnce(run, bed: bed)
        try run.userBound()
        try RebindFamily.move(run, bed, first, &sum, seed: 1, hold: true)
        let old = try run.pools.observe().filter { $0.provider == .zcrx }.map { $0.id }
        try run.step("interface removed") { try bed.remove() }
        let again = try bed.remade(run)
        let streams = try RebindFamily.bind(run, .zcrx, again, patient: false)
        try RebindFamily.move(run, again, streams, &sum, seed: 2, hold: true)
        let new = try run.pools.observe().filter { $0.provider == .zcrx && !old.contains($0.id) }.map { $0.id }
        try run.userHolds(first.heldNetIovs + streams.heldNetIovs)
        try run.step("interface removed again") { try again.remove() }
        /// Waits until netlink shows those pools of the provider's.
        func told(_ wanted: [UInt64], _ what: String) throws {
            var seen: [UInt64] = []
            let right = try run.pools.wait(within: run.timeout(5), runningSoftirqs: true) { records in
                seen = records.filter { $0.provider == .zcrx }.map { $0.id }.sorted()
                return seen == wanted.sorted()
            }
            try run.expect(right, what, "page-pool-get shows \(seen), not \(wanted.sorted())")
        }
        try told(old + new, "both pools are told of")
        try run.userHolds(streams.heldNetIovs)
        try run.step("what came by the first given back") {
            try first.recheckHeld()
            try first.returnBuffers()
            try first.settle()
        }
        try told(new, "the second's is left")
        try run.userHolds(0)
        try run.step("what came by the second given back") {
            try streams.recheckHeld()
            try streams.returnBuffers()
            try streams.settle()
        }
        try told([], "none is left")
        try run.step("the first ended") { first.end() }
        try RebindFamily.finish(run, streams, sum)
    }

    /// Bytes of two bindings in one skb, where TCP merges what follows each other.
    private static let stream = RebindFamily.scenario(
        .devmem, "stream", "in the middle of a stream that has data unread: each fragment names the binding that it came by", detached: true
    ) { run in
        let part: UInt64 = 20_000
        let bed = try run.makeTestBed()
        let pattern = PayloadPattern(seed: 930)
        let socket = try bed.connect(run, 0)
        try socket.setReceiveBuffer(1 << 20)
        func send(_ start: UInt64) throws {
            try run.step("\(part) bytes \(start == 0 ? "" : "more ")unread") {
                try bed.peer.write(0, pattern, from: start, bytes: part, sizes: [4096])
                try socket.waitUnread(Int(start + part), within: run.timeout(10))
                _ = try bed.peer.written(0, within: run.timeout(10))
            }
            try run.pools.observe()
        }
        let first = try DevmemReceiver.make(run, bed: bed, pattern: pattern)
        try send(0)
        try run.step("unbound") { first.unbind() }
        try bed.waitUnbound(within: run.timeout(5))
        let second = try DevmemReceiver.make(run, bed: bed, pattern: pattern)
        try send(part)
        var received: UInt64 = 0
        try run.step("received: the first half by binding \(first.binding), the second by \(second.binding)") {
            while received < 2 * part {
                guard let batch = try second.next(socket.rawValue), batch.count > 0 else { throw ScenarioFailure("nothing after \(received) bytes") }
                for fragment in batch.fragments {
                    let owner = received < part ? first : second
                    guard fragment.dmabufID == owner.binding else {
                        throw ScenarioFailure("the fragment at byte \(received) names binding \(fragment.dmabufID)")
                    }
                    guard let bytes = try owner.bytes(at: fragment.offset, count: Int(fragment.size)) else {
                        throw ScenarioFailure("\(fragment.size) bytes at \(fragment.offset) are outside the dma-buf")
                    }
                    if let wrong = bytes.withUnsafeBytes({ pattern.mismatch($0, at: received) }) {
                        throw ScenarioFailure("byte \(wrong) is not the one sent")
                    }
                    received += UInt64(fragment.size)
                }
                let taken = try DeviceMemory.dontNeed(batch.fragments, of: socket.rawValue)
                guard taken == batch.fragments.count else { throw ScenarioFailure("the kernel took \(taken) of \(batch.fragments.count) tokens") }
            }
        }
        run.payload = PayloadRecord(sent: 2 * part, received: received, zeroCopy: received, copied: 0, firstMismatch: nil, complete: true)
        socket.close()
        try run.step("unbound again") { second.unbind() }
    }

    /// A registration that fails with its area imported and mapped leaves a queue that can be bound at once.
    private static let failedZeroCopy = RebindFamily.scenario(.zcrx, "failure", "after registrations that failed half-way") { run in
        let bed = try run.makeTestBed()
        var sum = RebindFamily.Sum()
        let first = try Provider.zcrx.makeStreams(run, bed: bed)
        try RebindFamily.move(run, bed, first, &sum, seed: 1)
        try run.step("closed") { first.end() }
        let free = try run.pools.wait(within: run.timeout(5)) { records in !records.contains { $0.provider == .zcrx && !$0.detached } }
        try run.expect(free, "the queue is free", "it is still bound")
        try run.step("20 registrations with buffers of two pages refused") {
            for _ in 0..<20 {
                // However its pages lie, one stretch at least is of an odd number of them.
                let memory = try MappedMemory(anonymous: 65 * MappedMemory.pageSize)
                var registration = ZeroCopyReceive.Registration(ifindex: bed.ifindex, queue: bed.queue, area: .memory(memory))
                registration.bufferLength = UInt32(2 * MappedMemory.pageSize)
                let error = refusal(of: registration)
                memory.unmap()
                if error?.code == ERANGE { continue }
                if let error { throw error }
                throw ScenarioFailure("it was granted")
            }
        }
        let streams = try RebindFamily.bind(run, .zcrx, bed, patient: false)
        try RebindFamily.move(run, bed, streams, &sum, seed: 2)
        try RebindFamily.finish(run, streams, sum)
    }

    /// Registers on a ring of its own and closes that; nil where it was granted.
    private static func refusal(of registration: ZeroCopyReceive.Registration) -> KernelError? {
        do throws(KernelError) {
            let ring = try ZeroCopyReceive.Ring()
            do throws(KernelError) {
                try ring.register(registration).close()
            } catch {
                ring.close()
                throw error
            }
            ring.close()
            return nil
        } catch {
            return error
        }
    }

    /// A binding of two queues, of which the second is taken, unbinds the first again.
    private static let failedDevmem = RebindFamily.scenario(.devmem, "failure", "after a binding that failed at its second queue", pools: 3) { run in
        let bed = try run.makeTestBed(queues: 2)
        var sum = RebindFamily.Sum()
        let other = try run.step("queue 1 bound") {
            try DevmemReceiver(ifindex: bed.ifindex, queue: 1, pages: 512, pattern: PayloadPattern(seed: 0))
        }
        run.cleanUp("queue 1 unbound") { other.close() }
        try run.userBound()
        try run.step("queues 0 and 1 refused with EEXIST") {
            let memory = try UserDMABuf(size: 512 * MappedMemory.pageSize)
            var netdev = try Netdev()
            var refusal: KernelError?
            do throws(KernelError) {
                _ = try netdev.bindRX(ifindex: bed.ifindex, dmabuf: memory.rawValue, queues: [0, 1])
            } catch {
                refusal = error
            }
            netdev.close()
            memory.close()
            if refusal?.code == EEXIST { return }
            if let refusal { throw refusal }
            throw ScenarioFailure("it was granted")
        }
        let streams = try RebindFamily.bind(run, .devmem, bed, patient: false)
        try RebindFamily.move(run, bed, streams, &sum, seed: 1)
        try run.step("queue 1 unbound") { other.close() }
        try RebindFamily.finish(run, streams, sum)
    }
}

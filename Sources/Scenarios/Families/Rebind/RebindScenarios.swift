// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Binding again at once after each kind of end. While the end takes place, the kernel may refuse with EEXIST and no other error; the step
/// reports for how long. Then the new binding receives payload.
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

    /// The peer sends acknowledged bytes again while the provider ends: until the queue has no provider, its buffers receive them.
    private static func flooded(_ provider: Provider) -> Scenario {
        let (rounds, count, length) = (6, 12, 1200)
        return RebindFamily.scenario(
            provider, "flood", "while the peer sends without pause, \(rounds) times", pools: rounds, needs: [.removableInterface]
        ) { run in
            let bed = try run.makeTestBed()
            var socket: Connection?
            let pattern = PayloadPattern(seed: 920)
            var total = RebindFamily.Total()
            for round in 0..<rounds {
                let streams = try provider.makeStreams(run, bed: bed)
                let here = try socket ?? bed.connectRawTCP(run)
                socket = here
                let stream = streams.add(here, pattern, received: total.sent)
                let first = Int(total.sent)
                total.sent += UInt64(count * length)
                try run.step("round \(round + 1): \(count * length) bytes received and returned") {
                    try bed.peer.sendSegments(pattern, from: first, count: count, length: length, within: run.timeout(20))
                    try streams.receive([stream: total.sent], within: run.timeout(10))
                }
                let copied = try streams.payload(sent: total.sent).copied
                total.copied += copied
                total.zeroCopy += UInt64(count * length) - copied
                try run.pools.observe()
                try run.measuredStep("provider ended while the peer sends the first bytes again and again") {
                    try bed.peer.perform(.flood(seed: pattern.seed, length: length))
                    streams.end()
                    try bed.waitUnbound(within: run.timeout(10))
                    return "\(try bed.peer.perform(.stopFlood, within: run.timeout(20)).number ?? 0) times"
                }
            }
            run.payload = total.payload
        }
    }

    /// The process closes its ring or netlink socket; a ring alternately without and with held buffers.
    private static func closed(_ provider: Provider, _ name: String, rounds: Int, thorough: Bool = false) -> Scenario {
        RebindFamily.scenario(
            provider, name, "after the process closed the old provider, \(rounds) times", pools: rounds + 1, thorough: thorough
        ) { run in
            let bed = try run.makeTestBed()
            var total = RebindFamily.Total()
            var streams = try provider.makeStreams(run, bed: bed)
            for round in 1...rounds {
                let hold = provider == .zcrx && round % 2 == 0
                try RebindFamily.receive(run, bed, streams, &total, seed: UInt64(round), hold: hold)
                if hold {
                    try run.userHolds(streams.heldNetIovs)
                    try run.userEnds()
                }
                try run.step("closed\(hold ? " with \(streams.held.count) deliveries held" : "")") { streams.end() }
                streams = try RebindFamily.bind(run, provider, bed)
            }
            try RebindFamily.receive(run, bed, streams, &total, seed: UInt64(rounds + 1))
            try RebindFamily.finish(run, streams, total)
        }
    }

    /// The old pool has buffers in flight in a socket when the new provider is bound.
    private static func unread(_ provider: Provider) -> Scenario {
        RebindFamily.scenario(provider, "unread", "after a close with payload unread in a socket", detached: true) { run in
            let bed = try run.makeTestBed()
            var total = RebindFamily.Total()
            let first = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connectWithUnread(run)
            try run.step("closed") { first.end() }
            let streams = try RebindFamily.bind(run, provider, bed)
            try RebindFamily.receive(run, bed, streams, &total, seed: 1)
            try run.expectDetachedPool(of: provider)
            try run.step("socket with the old payload closed") { socket.close() }
            try RebindFamily.receive(run, bed, streams, &total, seed: 2)
            total = RebindFamily.Total(sent: total.sent, zeroCopy: streams.received(0) + streams.received(1), copied: 0)
            try RebindFamily.finish(run, streams, total)
        }
    }

    private static func killed(_ provider: Provider) -> Scenario {
        RebindFamily.scenario(provider, "kill", "after its process was killed") { run in
            let bed = try run.makeTestBed()
            let place = [String(bed.ifindex), String(bed.queue)]
            let arguments = provider == .zcrx ? ["zcrx-receive"] + place + [bed.local, String(run.timeout(1))] : ["devmem-bind"] + place
            let worker = try run.step("process started") { try run.environment.startWorker(arguments) }
            if provider == .zcrx {
                try run.step("process registered and listening") { _ = try worker.perform("listen", within: run.timeout(10)) }
                try bed.peer.connect(to: bed.local, port: Connection.port, within: run.timeout(10))
                run.cleanUp("peer's socket closed") { try bed.peer.abort() }
                try run.step("the peer sends until its socket is closed") { try bed.peer.send(PayloadPattern(seed: 4), bytes: 0) }
                let held = try run.step("process holds buffers") { Int(try worker.perform("receive 65536", within: run.timeout(20))) ?? 0 }
                try run.expect(held > 0, "the process holds net_iovs", "it reports that it holds none")
                try run.userHolds(held)
            } else {
                try run.step("process bound the queue") { _ = try worker.perform("bind", within: run.timeout(10)) }
            }
            try run.pools.observe()
            try run.userEnds(killed: true)
            try run.step("process killed") { try worker.killNow() }
            var total = RebindFamily.Total()
            let streams = try RebindFamily.bind(run, provider, bed)
            try RebindFamily.receive(run, bed, streams, &total, seed: 1)
            try RebindFamily.finish(run, streams, total)
        }
    }

    /// Ended and bound again while the interface is down: the driver makes the pool of the new binding when the interface is set up.
    private static func down(_ provider: Provider) -> Scenario {
        RebindFamily.scenario(provider, "down", "after a close, both while the interface is down") { run in
            let bed = try run.makeTestBed()
            var total = RebindFamily.Total()
            let first = try provider.makeStreams(run, bed: bed)
            try RebindFamily.receive(run, bed, first, &total, seed: 1)
            try run.step("interface down") { try bed.setUp(false) }
            try run.step("closed") { first.end() }
            let streams = try RebindFamily.bind(run, provider, bed)
            try run.step("interface up") { try bed.setUp(true) }
            try RebindFamily.receive(run, bed, streams, &total, seed: 2)
            try RebindFamily.finish(run, streams, total)
        }
    }

    /// Ended directly after a restart, while the first pool of the first binding is detached.
    private static func restarted(_ provider: Provider) -> Scenario {
        RebindFamily.scenario(
            provider, "restart", "after a restart of the queue and a close, with payload unread in a socket", detached: true, pools: 3,
            needs: [.queueReset]
        ) { run in
            let bed = try run.makeTestBed()
            var total = RebindFamily.Total()
            let first = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connectWithUnread(run)
            try run.step("queue restarted") { try bed.resetQueue(mode: 3) }
            try run.expectDetachedPool(of: provider)
            try run.step("closed") { first.end() }
            let streams = try RebindFamily.bind(run, provider, bed)
            try RebindFamily.receive(run, bed, streams, &total, seed: 1)
            try run.step("socket with the old payload closed") { socket.close() }
            try RebindFamily.finish(run, streams, total)
        }
    }

    /// The device is removed and made again. zcrx has a reference to the device that it maps memory for, so the ring may still be registered;
    /// devmem has none (docs/kernel-notes.md), so the scenario ends its binding before.
    private static func removed(_ provider: Provider) -> Scenario {
        RebindFamily.scenario(
            provider, "remove", "to a device that was removed\(provider == .zcrx ? " while its ring was open" : "") and made again",
            needs: [.removableInterface]
        ) { run in
            let before = ResourceCounters.dmaBufs()
            let bed = try run.makeTestBed()
            var total = RebindFamily.Total()
            let first = try provider.bindOnce(run, bed: bed)
            try run.userBound()
            try RebindFamily.receive(run, bed, first, &total, seed: 1)
            if provider == .devmem {
                try run.step("unbound, and its dma-buf unmapped") {
                    first.close()
                    try run.wait(orFail: "the dma-buf is still mapped", timeout: 5, pause: 0.005) { ResourceCounters.dmaBufs() == before }
                }
            }
            try run.step("interface removed") { try bed.remove() }
            let again = try bed.remade(run)
            let streams = try RebindFamily.bind(run, provider, again, retrying: false)
            try RebindFamily.receive(run, again, streams, &total, seed: 2)
            try run.step("first provider ended") { first.end() }
            try RebindFamily.receive(run, again, streams, &total, seed: 3)
            total = RebindFamily.Total(
                sent: 3 * RebindFamily.bytes, zeroCopy: first.received(0) + streams.received(0) + streams.received(1), copied: 0)
            try RebindFamily.finish(run, streams, total)
        }
    }

    /// The kernel lists the pools of a removed device with the loopback device of the namespace (`page_pool_unreg_netdev()`), and those of a
    /// second removed device with them.
    private static let removedTwice = RebindFamily.scenario(
        .zcrx, "remove-twice", "to a device that was removed and made again; the device is removed again, both times with buffers held",
        detached: true, needs: [.removableInterface]
    ) { run in
        let bed = try run.makeTestBed()
        var total = RebindFamily.Total()
        let first = try Provider.zcrx.bindOnce(run, bed: bed)
        try run.userBound()
        try RebindFamily.receive(run, bed, first, &total, seed: 1, hold: true)
        let old = try run.pools.observe().filter { $0.provider == .zcrx }.map { $0.id }
        try run.step("interface removed") { try bed.remove() }
        let again = try bed.remade(run)
        let streams = try RebindFamily.bind(run, .zcrx, again, retrying: false)
        try RebindFamily.receive(run, again, streams, &total, seed: 2, hold: true)
        let new = try run.pools.observe().filter { $0.provider == .zcrx && !old.contains($0.id) }.map { $0.id }
        try run.userHolds(first.heldNetIovs + streams.heldNetIovs)
        try run.step("interface removed again") { try again.remove() }
        /// Waits until page-pool-get reports exactly those pools of the provider.
        func expectPools(_ expected: [UInt64], _ what: String) throws {
            var seen: [UInt64] = []
            let matches = try run.pools.wait(within: run.timeout(5), runningSoftirqs: true) { records in
                seen = records.filter { $0.provider == .zcrx }.map { $0.id }.sorted()
                return seen == expected.sorted()
            }
            try run.expect(matches, what, "page-pool-get reports \(seen) instead of \(expected.sorted())")
        }
        try expectPools(old + new, "both pools are reported")
        try run.userHolds(streams.heldNetIovs)
        try run.step("buffers of the first provider returned") {
            try first.recheckHeld()
            try first.returnBuffers()
            try first.settle()
        }
        try expectPools(new, "only the pool of the second provider is reported")
        try run.userHolds(0)
        try run.step("buffers of the second provider returned") {
            try streams.recheckHeld()
            try streams.returnBuffers()
            try streams.settle()
        }
        try expectPools([], "no pool is reported")
        try run.step("first provider ended") { first.end() }
        try RebindFamily.finish(run, streams, total)
    }

    /// Bytes of two bindings in one receive queue, possibly in one skb, as TCP merges adjacent segments.
    private static let stream = RebindFamily.scenario(
        .devmem, "stream", "during a stream with unread payload: each fragment has the id of the binding that received it", detached: true
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
                guard let batch = try second.next(socket.rawValue), batch.count > 0 else {
                    throw ScenarioFailure("the socket delivers nothing after \(received) bytes")
                }
                for fragment in batch.fragments {
                    let receiver = received < part ? first : second
                    guard fragment.dmabufID == receiver.binding else {
                        throw ScenarioFailure("the fragment at byte \(received) has the id of binding \(fragment.dmabufID)")
                    }
                    try receiver.compare(fragment, with: pattern, at: received)
                    received += UInt64(fragment.size)
                }
                try DevmemReceiver.returnTokens(of: batch.fragments, to: socket)
            }
        }
        run.payload = PayloadRecord(sent: 2 * part, received: received, zeroCopy: received, copied: 0, firstMismatch: nil, complete: true)
        socket.close()
        try run.step("second binding unbound") { second.unbind() }
    }

    /// After a registration that fails when its area is already imported and mapped, the queue can be bound at once.
    private static let failedZeroCopy = RebindFamily.scenario(.zcrx, "failure", "after registrations that failed after their area was mapped") {
        run in
        let bed = try run.makeTestBed()
        var total = RebindFamily.Total()
        let first = try Provider.zcrx.makeStreams(run, bed: bed)
        try RebindFamily.receive(run, bed, first, &total, seed: 1)
        try run.step("closed") { first.end() }
        try run.expectFreeQueue(of: .zcrx, within: 5)
        try run.step("20 registrations with buffers of two pages refused") {
            for _ in 0..<20 {
                // An odd number of pages: at least one physically contiguous range has an odd number of pages.
                let memory = try MappedMemory(anonymous: 65 * MappedMemory.pageSize)
                var registration = ZeroCopyReceive.Registration(ifindex: bed.ifindex, queue: bed.queue, area: .memory(memory))
                registration.bufferLength = UInt32(2 * MappedMemory.pageSize)
                let ring = try RefusedRing()
                let error = ring.register(registration)
                ring.close()
                memory.unmap()
                if error?.code == ERANGE { continue }
                if let error { throw error }
                throw ScenarioFailure("the kernel granted it")
            }
        }
        let streams = try RebindFamily.bind(run, .zcrx, bed, retrying: false)
        try RebindFamily.receive(run, bed, streams, &total, seed: 2)
        try RebindFamily.finish(run, streams, total)
    }

    /// Where a binding of two queues is refused for the second, the kernel unbinds the first.
    private static let failedDevmem = RebindFamily.scenario(.devmem, "failure", "after a binding that failed at its second queue", pools: 3) { run in
        let bed = try run.makeTestBed(queues: 2)
        var total = RebindFamily.Total()
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
            throw ScenarioFailure("the kernel granted it")
        }
        let streams = try RebindFamily.bind(run, .devmem, bed, retrying: false)
        try RebindFamily.receive(run, bed, streams, &total, seed: 1)
        try run.step("queue 1 unbound") { other.close() }
        try RebindFamily.finish(run, streams, total)
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Every allocation of each operation that user space requests of a memory provider fails in turn.
///
/// `FaultInjection.Sparing` names the allocations that do not fail, with the reasons.
enum FaultScenarios {
    static let all: [Scenario] =
        Provider.ofNetIovs.flatMap { [bind($0), receive($0), returnBuffers($0)].compactMap { $0 } }
        + [event, export, importing, addArea, unbind, bindTX, send, unbindTX]

    private static let pages = 32
    private static let bytes = 12_288

    private static func scenario(
        _ provider: Provider, _ name: String, _ summary: String, queues: Int = 1, needs: Set<Need> = [], thorough: Bool = false,
        _ body: @escaping @Sendable (ScenarioRun, any TestBed) throws -> Void
    ) -> Scenario {
        Scenario(
            "fault.\(provider.rawValue).\(name)", "every allocation of \(summary) fails in turn", tier: .netdevsim,
            needs: provider.needs.union(needs).union([.faultInjection]),
            expects: Expectation(provider: provider, minimumHolds: 1, zeroCopy: true, payload: true),
            deadline: 150, thorough: thorough
        ) { run in
            let bed = try run.makeTestBed(queues: queues)
            try body(run, bed)
            try expectWorking(run, provider, bed)
        }
    }

    /// After the walk the provider can be bound, receives payload, and ends.
    private static func expectWorking(_ run: ScenarioRun, _ provider: Provider, _ bed: any TestBed) throws {
        let released = try run.pools.wait(within: run.timeout(10), runningSoftirqs: true) { records in
            records.allSatisfy { $0.provider == .pages && !$0.detached }
        }
        try run.expect(released, "no pool of a provider is left", "one is left")
        let pattern = PayloadPattern(seed: 40)
        let receiver = try provider.makeReceiver(run, bed: bed, pattern: pattern)
        let socket = try bed.connect(run)
        let total: UInt64 = 100_000
        try run.step("\(total) bytes received") {
            try bed.peer.send(pattern, bytes: total)
            try receiver.receive(from: socket.rawValue, total: total, hold: false, within: run.timeout(20))
        }
        try run.pools.observe()
        run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
        socket.close()
        try run.step("provider ended") { receiver.end() }
    }

    // MARK: Binding

    private static func bind(_ provider: Provider) -> Scenario {
        provider == .zcrx
            ? scenario(.zcrx, "register", "a zcrx registration", thorough: true) { run, bed in
                let memory = try MappedMemory(anonymous: pages * MappedMemory.pageSize)
                let outcome = Result {
                    memory.withUnsafeMutableBytes { bytes in bytes.indices.forEach { bytes[$0] = 0xa5 } }
                    let registration = ZeroCopyReceive.Registration(
                        ifindex: bed.ifindex, queue: bed.queue, area: .memory(memory), refillEntries: 64)
                    try FaultWalk(run).through("registration", atLeast: 20) { turn in
                        let ring = try ZeroCopyReceive.Ring(entries: 8, completionEntries: 64)
                        let result = Result { try turn.attempt { try ring.register(registration).close() } }
                        ring.close()
                        _ = try result.get()
                    }
                }
                memory.unmap()
                try outcome.get()
            }
            // Of two queues, because the kernel adds the first to the xarray of bound queues without an allocation.
            : scenario(.devmem, "bind-rx", "bind-rx of two queues", queues: 2, thorough: true) { run, bed in
                try withDMABuf { memory in
                    try FaultWalk(run).through("bind-rx", atLeast: 20) { turn in
                        var netdev = try Netdev()
                        let result = Result {
                            try turn.attempt { _ = try netdev.bindRX(ifindex: bed.ifindex, dmabuf: memory, queues: [bed.queue, bed.queue + 1]) }
                        }
                        netdev.close()
                        _ = try result.get()
                    }
                }
            }
    }

    /// A binding allocates for each contiguous range of its memory. A scattered dma-buf has the same number of ranges in every run.
    private static func withDMABuf(_ body: (CInt) throws -> Void) throws {
        let memory = try UserDMABuf(size: 8 * MappedMemory.pageSize, scattered: true)
        let outcome = Result { try body(memory.rawValue) }
        memory.close()
        try outcome.get()
    }

    // MARK: Receiving

    private static func receive(_ provider: Provider) -> Scenario {
        scenario(provider, "receive", provider == .zcrx ? "a zero-copy receive request" : "recvmsg(2) with MSG_SOCK_DEVMEM") { run, bed in
            if provider == .zcrx {
                try requireSharing(run)
                let stream = try RequestStream(run, bed)
                let socket = try bed.connect(run)
                try FaultWalk(run).through("receive", atLeast: 2) { turn in
                    try stream.receive(
                        turn, from: socket.rawValue, bytes, PayloadPattern(seed: UInt64(turn.nth)), within: run.timeout(10)
                    ) { try sendBytes(run, bed, turn) }
                }
                socket.close()
                try run.step("ring closed") { stream.close() }
            } else {
                try tokens(run, bed, atLeast: 1, failing: .receive)
            }
        }
    }

    private static func returnBuffers(_ provider: Provider) -> Scenario? {
        guard provider == .devmem else { return nil }
        return scenario(.devmem, "return", "setsockopt(2) SO_DEVMEM_DONTNEED") { run, bed in
            try tokens(run, bed, atLeast: 1, failing: .return)
        }
    }

    /// Sends the bytes of this turn.
    private static func sendBytes(_ run: ScenarioRun, _ bed: any TestBed, _ turn: FaultWalk.Turn) throws {
        try bed.peer.send(PayloadPattern(seed: UInt64(turn.nth)), bytes: UInt64(bytes))
        _ = try bed.peer.sent(within: run.timeout(10))
    }

    private enum TokenOperation: String { case receive, `return` }

    private static func tokens(_ run: ScenarioRun, _ bed: any TestBed, atLeast: Int, failing operation: TokenOperation) throws {
        let stream = try TokenStream(run, bed)
        let socket = try bed.connect(run)
        try FaultWalk(run, sparing: .tokenRefill).through(operation.rawValue, atLeast: atLeast) { turn in
            try sendBytes(run, bed, turn)
            try socket.waitUnread(bytes, within: run.timeout(10))
            let pattern = PayloadPattern(seed: UInt64(turn.nth))
            let deadline = Deadline(seconds: run.timeout(10))
            var got: UInt64 = 0
            var fragments: [DeviceMemory.Fragment] = []
            if operation == .receive {
                var batch: DeviceMemory.Received?
                if try turn.attempt({ batch = try stream.next(socket.rawValue) }), let batch {
                    try stream.check(batch, pattern, &got, &fragments)
                }
            }
            while got < bytes {
                guard !deadline.hasPassed else { throw ScenarioFailure("\(got) of \(bytes) bytes received") }
                try stream.check(try stream.next(socket.rawValue), pattern, &got, &fragments)
            }
            var taken: Int?
            if operation == .return {
                _ = try turn.attempt { taken = try DeviceMemory.dontNeed(fragments, of: socket.rawValue) }
            }
            let total = try taken ?? DeviceMemory.dontNeed(fragments, of: socket.rawValue)
            guard total == fragments.count else { throw ScenarioFailure("the kernel took \(total) of \(fragments.count) tokens") }
        }
        socket.close()
        try run.step("unbound") { stream.unbind() }
    }

    /// Where the kernel cannot allocate an event, it reports the event of the next copy.
    private static let event = scenario(.zcrx, "event", "a copy that an event reports", needs: [.zcrxStatistics]) { run, bed in
        let pattern = PayloadPattern(seed: 41)
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern) {
            $0.events?.mask = 1 << ZeroCopyReceive.Event.copied.rawValue
        }
        let wire = try Loopback(run, pattern: pattern)
        func receive() throws {
            try receiver.receive(from: wire.receiver.rawValue, total: wire.sent, hold: false, within: run.timeout(10))
        }
        try FaultWalk(run).through("copies", atLeast: 1) { turn in
            let before = receiver.events.count
            try wire.send(bytes, within: run.timeout(10))
            if try !turn.attempt(receive) { receiver.dropRequest() }
            try wire.send(bytes, within: run.timeout(10))
            try receive()
            try receiver.awaitEvents(before + 1, within: run.timeout(5))
            guard receiver.events.count == before + 1 else {
                throw ScenarioFailure("\(receiver.events.count - before) events were reported for two copies instead of one")
            }
            if let error = receiver.attemptArming(.copied) { throw error }
            try receiver.flush()
        }
        try run.step("ring closed") { receiver.close() }
    }

    // MARK: zcrx control operations

    private static let export = scenario(.zcrx, "export", "the export of a zcrx queue") { run, bed in
        try requireSharing(run)
        let stream = try RequestStream(run, bed)
        try FaultWalk(run).through("export", atLeast: 3) { turn in
            _ = try turn.attempt { try stream.export().close() }
        }
        try run.step("ring closed") { stream.close() }
    }

    private static let importing = scenario(.zcrx, "import", "the import of a zcrx queue") { run, bed in
        try requireSharing(run)
        let stream = try RequestStream(run, bed)
        let exported = try stream.export()
        let descriptor = exported.rawValue
        let outcome = Result {
            try FaultWalk(run).through("import", atLeast: 2) { turn in
                let ring = try ZeroCopyReceive.Ring(entries: 8, completionEntries: 64)
                let result = Result { try turn.attempt { _ = try ring.importQueue(descriptor) } }
                ring.close()
                _ = try result.get()
            }
        }
        exported.close()
        try outcome.get()
        try run.step("ring closed") { stream.close() }
    }

    private static let addArea = scenario(.zcrx, "add-area", "an area added to a live zcrx queue", thorough: true) { run, bed in
        guard run.environment.zeroCopyFeatures?.receive?.addArea == true else {
            throw ScenarioSkip("this kernel's zcrx cannot add areas to a live queue (no ZCRX_CTRL_ADD_AREA)")
        }
        let memory = try MappedMemory(anonymous: pages * MappedMemory.pageSize)
        let outcome = Result {
            memory.withUnsafeMutableBytes { bytes in bytes.indices.forEach { bytes[$0] = 0xa5 } }
            let area = ZeroCopyReceive.Registration.Area.memory(memory)
            // The kernel removes an area only with its queue, so each turn has a queue of its own.
            try FaultWalk(run).through("add-area", atLeast: 5) { turn in
                let stream = try RequestStream(run, bed, noted: false)
                let result = Result { try turn.attempt { try stream.addArea(area) } }
                stream.close()
                _ = try result.get()
            }
        }
        memory.unmap()
        try outcome.get()
    }

    // MARK: Endings

    private static let unbind = scenario(.devmem, "unbind", "the close of the netlink socket that owns a binding") { run, bed in
        try withDMABuf { memory in
            try FaultWalk(run, sparing: .queueClose).through("unbind", atLeast: 1) { turn in
                var netdev: Netdev? = try Netdev()
                do {
                    _ = try netdev?.bindRX(ifindex: bed.ifindex, dmabuf: memory, queues: [bed.queue])
                } catch {
                    netdev.take()?.close()
                    throw error
                }
                _ = try turn.attempt { netdev.take()?.close() }
            }
        }
    }

    // MARK: Sending

    private static let bindTX = scenario(.devmem, "bind-tx", "bind-tx", needs: [.devmemTransmit], thorough: true) { run, bed in
        try withDMABuf { memory in
            try FaultWalk(run).through("bind-tx", atLeast: 10) { turn in
                var netdev = try Netdev()
                let result = Result { try turn.attempt { _ = try netdev.bindTX(ifindex: bed.ifindex, dmabuf: memory) } }
                netdev.close()
                _ = try result.get()
            }
        }
    }

    private static let unbindTX = scenario(
        .devmem, "unbind-tx", "the close of the netlink socket that owns a binding for transmit", needs: [.devmemTransmit]
    ) { run, bed in
        try withDMABuf { memory in
            try FaultWalk(run).through("unbind", atLeast: 1) { turn in
                var netdev: Netdev? = try Netdev()
                do {
                    _ = try netdev?.bindTX(ifindex: bed.ifindex, dmabuf: memory)
                } catch {
                    netdev.take()?.close()
                    throw error
                }
                _ = try turn.attempt { netdev.take()?.close() }
            }
        }
    }

    /// A packet for which the driver or the stack cannot allocate memory is dropped, and TCP retransmits it.
    private static let send = scenario(.devmem, "send", "sendmsg(2) from a dma-buf", needs: [.devmemTransmit], thorough: true) { run, bed in
        let transmitter = try Transmitter.make(run, bed: bed, pages: 16)
        let socket = try bed.connect(run)
        try DeviceMemory.enableZeroCopy(socket: socket.rawValue)
        try FaultWalk(run).through("send", atLeast: 5) { turn in
            let pattern = PayloadPattern(seed: UInt64(turn.nth))
            try transmitter.put(pattern, from: 0, at: 0, count: bytes)
            try bed.peer.receive(pattern, bytes: UInt64(bytes))
            var taken = 0
            _ = try turn.attempt {
                guard let count = try transmitter.send(socket.rawValue, [.init(offset: 0, length: bytes)]) else {
                    throw KernelError("sending", code: EAGAIN)
                }
                taken = count
            }
            try transmitter.sendAll(socket.rawValue, at: taken, count: bytes - taken, within: run.timeout(10))
            let got = try bed.peer.received(within: run.timeout(10))
            if let wrong = got.mismatch { throw ScenarioFailure("byte \(wrong) that the peer received is not the one sent") }
            try transmitter.awaitCompletions(socket.rawValue, within: run.timeout(10))
        }
        try run.expect(transmitter.copied == 0, "no send was copied", "\(transmitter.copied) were")
        socket.close()
        transmitter.unbind()
        transmitter.release()
        try bed.peer.close()
    }

    private static func requireSharing(_ run: ScenarioRun) throws {
        guard run.environment.zeroCopyFeatures?.receive?.sharing == true else {
            throw ScenarioSkip("this kernel's zcrx cannot share queues (no ZCRX_CTRL_EXPORT and ZCRX_REG_IMPORT)")
        }
    }
}

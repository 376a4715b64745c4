// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Devmem TCP transmit: payload sent from a dma-buf (bind-tx, `SCM_DEVMEM_DMABUF`).
///
/// Its net_iovs belong to no page pool, so the trace has no event of them, and must have none. These facts prove the life cycle: the peer
/// receives every byte; each send is completed, and not as copied; and the dma-buf, to which every net_iov in flight has a reference, exists
/// while one is in flight and is freed afterwards.
///
/// No scenario removes a device that has a binding for transmit, because the unmodified 7.3 crashes: the binding has a pointer to the interface
/// without a reference, which the kernel does not clear when it unregisters the interface, and the close of the netlink socket uses it
/// (docs/kernel-notes.md).
enum TransmitScenarios {
    static let all: [Scenario] = [
        scenario("send", "send from a dma-buf and unbind") { wire in
            try wire.run.step("\(wire.transmitter.size) bytes sent") { try wire.send(at: 0, count: wire.transmitter.size) }
            try wire.finish()
        },
        scenario("offsets", "send from odd offsets, across pages, single bytes") { wire in
            let page = MappedMemory.pageSize
            let ranges = [
                (1, 1), (page - 1, 2), (3 * page + 17, 9000), (8 * page, page), (10 * page - 3, 5), (12 * page + 4095, 1),
                (wire.transmitter.size - 7, 7),
            ]
            for (offset, count) in ranges {
                try wire.run.step("\(count) bytes sent from \(offset)") { try wire.send(at: offset, count: count) }
            }
            try wire.finish()
        },
        scenario("fragments", "several ranges of the dma-buf in one send: distant, adjacent, smaller than a page") { wire in
            let page = MappedMemory.pageSize
            let sends = [
                [(100, 1000), (5 * page, 500), (2 * page + 9, 3000)], [(20 * page + 4000, 300), (30 * page, 1), (40 * page + 1, 4095)],
                [(99 * page, 1000), (80 * page + 10, 2 * page), (70 * page, 10), (60 * page + 4090, 12)],
                // Adjacent ranges, within a page and across pages.
                [(50 * page + 10, 1000), (50 * page + 1010, 500), (50 * page + 1510, 90)], [(52 * page, 4000), (52 * page + 4000, 5000)],
            ]
            for ranges in sends { try wire.run.step("\(ranges.map { $0.1 }) bytes sent from \(ranges.map { $0.0 })") { try wire.send(ranges) } }
            try wire.finish()
        },
        scenario("scattered", "50 ranges in one send, more than fit into a packet") { wire in
            let page = MappedMemory.pageSize
            for turn in 0..<4 {
                let ranges = (0..<50).map { (($0 * 37 + turn) % 60 * page + 5 * $0, 100 + 13 * turn + $0) }
                try wire.run.step("round \(turn)") {
                    try wire.send(ranges)
                    try wire.transmitter.awaitCompletions(wire.socket.rawValue, within: wire.run.timeout(20))
                }
            }
            try wire.finish()
        },
        scenario("tapped", "sends with a packet socket on the interface, which gets ordinary payload and none of the dma-buf") { wire in
            let tap = try wire.run.step("packet socket on the interface") { try PacketSocket(ifindex: wire.bed.ifindex) }
            try wire.run.step("100000 bytes sent") { try wire.send(at: 0, count: 100_000) }
            try wire.run.step("sends from the dma-buf and from ordinary memory in turn") {
                for turn in 0..<4 {
                    try wire.send(at: 100_000 + turn * 20_000, count: 10_000)
                    try wire.sendOrdinary(5000)
                }
            }
            try wire.run.step("the packet socket received ordinary payload") {
                var longest = 0
                while longest < 1000 {
                    // Bytes may be unsent until the peer's receive window opens.
                    guard let frame = try tap.receive(timeoutMilliseconds: CInt(wire.run.timeout(10) * 1000)) else {
                        throw ScenarioFailure("its longest frame has \(longest) bytes")
                    }
                    longest = max(longest, frame.count)
                }
            }
            try wire.finish()
        },
        scenario("partial", "a socket with a small send buffer takes a part of a send") { wire in
            try wire.limitUnsent(65_536)
            let calls = try wire.run.step("\(wire.transmitter.size) bytes sent") { try wire.send(at: 0, count: wire.transmitter.size) }
            try wire.run.expect(calls > 1, "it took \(calls) calls", "the socket took all bytes in one call")
            try wire.finish()
        },
        scenario("mixed", "sends from the dma-buf and from ordinary memory in turn") { wire in
            for turn in 0..<8 {
                try wire.run.step("round \(turn)") {
                    try wire.send(at: turn * 20_000, count: 10_000)
                    try wire.sendOrdinary(5000)
                }
            }
            try wire.finish()
        },
        scenario("corked", "many small sends that share packets (MSG_MORE)") { wire in
            try wire.run.step("200 sends of 300 bytes with MSG_MORE, and one without") {
                for turn in 0..<200 { try wire.send(at: turn * 700 + 1, count: 300, more: true) }
                try wire.send(at: 0, count: 1)
            }
            try wire.finish()
        },
        scenario("behind-ordinary", "sends from the dma-buf between unsent ordinary bytes of a corked socket (TCP_CORK)") { wire in
            for turn in 0..<8 {
                try wire.run.step("round \(turn): 100 ordinary bytes, 3000 of the dma-buf, 200 ordinary bytes, then uncorked") {
                    try SocketSending.cork(wire.socket.rawValue, true)
                    try wire.sendOrdinary(100)
                    try wire.send(at: turn * 20_000 + 5, count: 3000)
                    try wire.sendOrdinary(200)
                    try SocketSending.cork(wire.socket.rawValue, false)
                }
            }
            try wire.finish()
        },
        scenario("two-bindings", "sends from two dma-bufs in turn over one socket; the second is unbound before the last send") { wire in
            let second = try Transmitter.make(wire.run, bed: wire.bed, pages: 128)
            try wire.run.step("24 sends from both in turn") {
                for turn in 0..<24 { try wire.send(at: turn * 20_000, count: 7000, of: turn % 2 == 0 ? nil : second, more: turn % 3 > 0) }
            }
            try wire.run.step("second dma-buf unbound") {
                second.unbind()
                second.release()
            }
            try wire.run.step("one more send from the first dma-buf") { try wire.send(at: 100, count: 5000) }
            try wire.finish()
        },
        scenario("rerouted", "sends over a socket whose cached route was dropped") { wire in
            for turn in 0..<4 {
                try wire.run.step("round \(turn)") {
                    try wire.socket.dropRoute()
                    try wire.send(at: turn * 9000 + 3, count: 5000)
                }
            }
            try wire.finish()
        },
        scenario("split", "a send of which a part is unsent is completed only when the peer has all of it") { wire in
            try wire.run.step("sends of 10000 bytes over a corked socket, until the peer has one of them except its last bytes") {
                let deadline = Deadline(seconds: wire.run.timeout(20))
                while try !wire.sendPartly(10_000) {
                    guard !deadline.hasPassed else { throw ScenarioFailure("every one was sent completely before it was examined") }
                }
            }
            try wire.finish()
        },
        scenario("reuse", "one dma-buf filled and sent six times") { wire in
            for turn in 0..<6 {
                try wire.run.step("round \(turn)") {
                    try wire.send(at: 0, count: 100_000)
                    try wire.transmitter.awaitCompletions(wire.socket.rawValue, within: wire.run.timeout(20))
                }
            }
            try wire.finish()
        },
        scenario("unbind-queued", "unbind with buffers in flight: they stay valid, and are released when they were sent", reading: false) { wire in
            try wire.fillUp()
            try wire.run.step("unbound, dma-buf closed") {
                wire.transmitter.unbind()
                wire.transmitter.release()
            }
            try wire.expectBound()
            try wire.run.expectRefusal(EINVAL, "a new send") {
                _ = try wire.transmitter.send(wire.socket.rawValue, [.init(offset: 0, length: 1)])
            }
            try wire.read(wire.stream)
            try wire.finish()
        },
        scenario("close-queued", "close the socket with payload queued: it is sent", reading: false, zeroCopy: false) { wire in
            try wire.fillUp()
            try wire.run.step("socket closed with \(wire.transmitter.outstanding) sends outstanding") { wire.socket.close() }
            try wire.run.step("unbound, dma-buf closed") {
                wire.transmitter.unbind()
                wire.transmitter.release()
            }
            try wire.expectBound()
            try wire.read(0)
            try wire.finish(completions: false)
        },
        scenario("reset-queued", "reset the connection with payload queued: it is dropped", reading: false, zeroCopy: false) { wire in
            try wire.fillUp()
            try wire.read(0)
            try wire.run.step("connection reset with \(wire.transmitter.outstanding) sends outstanding") { try wire.socket.reset() }
            try wire.finish(completions: false, complete: false)
        },
        scenario("refusals", "sends that must be refused, without a completion and without a byte in the stream") { wire in
            try wire.refusals()
            try wire.finish()
        },
        scenario("not-zerocopy", "a send from a dma-buf without MSG_ZEROCOPY is refused, and sends no byte") { wire in
            for offset in [UInt64(0), 4096] {
                try wire.run.expectRefusal(EINVAL, "a send from offset \(offset) without MSG_ZEROCOPY") {
                    _ = try DeviceMemory.send(
                        socket: wire.socket.rawValue, dmabufID: wire.transmitter.binding, ranges: [.init(offset: offset, length: 100)],
                        zeroCopy: false)
                }

            }
            try wire.run.step("20000 bytes sent") { try wire.send(at: 5, count: 20_000) }
            try wire.finish()
        },
        probed,
        killed("kill", "SIGKILL the sender during a send", .root),
        killed("kill-limited", "the same with RLIMIT_MEMLOCK 0: the memory of a dma-buf is not accounted to the sender", .limited),
        receivingID,
    ]

    private static func scenario(
        _ name: String, _ summary: String, reading: Bool = true, zeroCopy: Bool = true, _ body: @escaping @Sendable (TransmitWire) throws -> Void
    ) -> Scenario {
        Scenario(
            "transmit.\(name)", summary, tier: .netdevsim, needs: [.interface, .devmem, .devmemTransmit],
            expects: Expectation(provider: .devmem, minimumHolds: 0, zeroCopy: zeroCopy, payload: true)
        ) { run in try body(try TransmitWire(run, reading: reading)) }
    }

    /// A probe of the path MTU is one segment with the payload of several (`tcp_clone_payload()`).
    private static let probed = Scenario(
        "transmit.probed", "sends while TCP probes the path MTU (tcp_mtu_probing)", tier: .netdevsim,
        needs: [.interface, .devmem, .devmemTransmit, .removableInterface],
        expects: Expectation(provider: .devmem, minimumHolds: 0, zeroCopy: true, payload: true), thorough: true
    ) { run in
        let file = "/proc/sys/net/ipv4/tcp_mtu_probing"
        let before = try KernelFile.read(file)
        run.cleanUp("tcp_mtu_probing restored") { try KernelFile.write(file, before) }
        try KernelFile.write(file, "2")
        let wire = try TransmitWire(run, reading: true)
        try wire.limitUnsent(4 * wire.transmitter.size)
        let probes = try TCPCounters.value(of: "TCPMTUPSuccess") + TCPCounters.value(of: "TCPMTUPFail")
        for turn in 0..<8 {
            try run.step("round \(turn): \(wire.transmitter.size) bytes") {
                try wire.send(at: 0, count: wire.transmitter.size)
                try wire.transmitter.awaitCompletions(wire.socket.rawValue, within: run.timeout(20))
            }
        }
        let sent = try TCPCounters.value(of: "TCPMTUPSuccess") + TCPCounters.value(of: "TCPMTUPFail") - probes
        try run.expect(sent > 0, "\(sent) probes of the MTU were sent", "no probe was sent")
        try wire.finish()
    }

    /// `net_devmem_get_binding()` finds a binding of either direction by its id, and must put its reference to one of the wrong direction.
    private static let receivingID = Scenario(
        "transmit.receiving-id", "a send with the id of a binding for receive is refused, and leaks no reference", tier: .netdevsim,
        needs: [.interface, .devmem, .devmemTransmit],
        expects: Expectation(provider: .devmem, minimumHolds: 1, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: false))
    ) { run in
        let wire = try TransmitWire(run, reading: true)
        let receiver = try DevmemReceiver.make(run, bed: wire.bed, pattern: PayloadPattern(seed: 0))
        try run.pools.observe()
        for _ in 0..<3 {
            try run.expectRefusal(EINVAL, "a send with the id of a binding for receive") {
                _ = try DeviceMemory.send(socket: wire.socket.rawValue, dmabufID: receiver.binding, offset: 0, length: 100)
            }
        }
        try run.step("unbound from the queue") { receiver.close() }
        try run.step("20000 bytes sent") { try wire.send(at: 5, count: 20_000) }
        try wire.finish()
    }

    private static func killed(_ name: String, _ summary: String, _ sender: WorkerMain.Sender) -> Scenario {
        Scenario(
            "transmit.\(name)", summary, tier: .netdevsim, needs: [.interface, .devmem, .devmemTransmit],
            expects: Expectation(provider: .devmem, minimumHolds: 0, payload: true)
        ) { run in
            let bed = try run.makeTestBed()
            let before = try TransmitWire.dmaBufs()
            let worker = try run.step("sender started") {
                try run.environment.startWorker(["devmem-send", String(bed.ifindex), bed.local, String(run.timeout(1)), sender.rawValue])
            }
            try run.step("sender bound and listening") { _ = try worker.perform("listen", within: run.timeout(10)) }
            try bed.peer.connect(to: bed.local, port: Connection.port, within: run.timeout(10))
            run.cleanUp("peer's socket closed") { try bed.peer.abort() }
            try bed.peer.receive(PayloadPattern(seed: WorkerMain.sendSeed), bytes: 0)
            let sent = try run.step("sender sends until it is killed") { UInt64(try worker.perform("send", within: run.timeout(20))) ?? 0 }
            try run.expect(try TransmitWire.dmaBufs() > before, "its dma-buf exists", "it does not")
            try run.step("sender killed") { try worker.killNow() }
            let got = try run.step("stream of the peer ended") { try bed.peer.received(within: run.timeout(20)) }
            // Unacknowledged bytes may be lost. The peer has at least the bytes of completed sends.
            run.payload = PayloadRecord(
                sent: max(sent, got.bytes), received: got.bytes, zeroCopy: got.bytes, copied: 0, firstMismatch: got.mismatch, complete: false)
            try run.expect(got.bytes >= sent, "the peer received the bytes of completed sends", "it received \(got.bytes) of \(sent) bytes")
            try TransmitWire.awaitFreed(run, before)
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// zcrx without a device (`ZCRX_REG_NODEV`): the kernel copies all payload into the area, over loopback. It makes no page pool and calls no
/// provider operation, so this tier does not check net_iovs of a pool.
enum NoDeviceScenarios {
    private static let needs: Set<Need> = [.zcrx, .zcrxNoDevice, .zcrxStatistics]
    /// Bytes sent before they are received.
    private static let round = 16_384

    static let all: [Scenario] = [
        Scenario(
            "nodev.receive", "receive by copy and return every buffer", tier: .nodev, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)
        ) { run in
            try traffic(run, pages: 64, rounds: 6, hold: false) { receiver in
                try run.step("refill ring flushed") { try receiver.flush() }
                try run.expect((try receiver.refillEntriesLeft()) == 0, "the kernel took every refill entry", "some are left")
            }
        },
        flushed("nodev.flush", "an area smaller than the stream: only flushed buffers are reused", entries: 4096),
        // Fewer than the kernel takes from the ring at a time (ZCRX_FLUSH_BATCH).
        flushed("nodev.flush-small", "the same with a refill ring of 8 entries", entries: 8),
        Scenario(
            "nodev.completion-capacity", "a completion queue of 8 entries, which is full more often than the area has buffers", tier: .nodev,
            needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)
        ) { run in
            let pages = 32
            let bytes = 4 << 20
            let pattern = PayloadPattern(seed: 22)
            let receiver = try ZeroCopyReceiver.make(run, bed: nil, pages: pages, completions: 8, pattern: PayloadPattern(seed: 0))
            let wire = try Loopback(run, pattern: pattern)
            let streams = MultiStreamReceiver(receiver)
            let stream = streams.add(wire.receiver, pattern)
            var full = 0
            try run.step("\(bytes) bytes received and returned, a receive submitted again each time the completion queue was full") {
                for _ in 0..<bytes / 65_536 {
                    try wire.send(65_536, within: run.timeout(10))
                    full += try streams.receiveRearming(stream, wire.sent, within: run.timeout(20)) { try receiver.flush() }
                }
            }
            try run.expect(full > pages, "the completion queue was full more than \(pages) times", "\(full) times")
            run.payload = try streams.payload(sent: wire.sent)
            try run.step("ring closed") { receiver.close() }
        },
        Scenario(
            "nodev.held", "close the ring with buffers held", tier: .nodev, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)
        ) { run in
            try traffic(run, pages: 64, rounds: 6, hold: true) { receiver in
                try run.expect(receiver.held.count > 0, "the user holds buffers", "none was delivered")
            }
        },
        areas, shared, refused,
    ]

    /// Registrations that need a device to map memory for.
    private static let refused = Scenario(
        "nodev.refused", "without a device, dma-bufs and buffers larger than a page are refused, and a refusal leaks nothing", tier: .nodev,
        needs: needs.union([.zcrxDMABuf, .hugePages]), expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)
    ) { run in
        let ring = try RefusedRing()
        run.cleanUp("ring closed") { ring.close() }
        func refused(_ what: String, _ errno: CInt, _ memory: AreaMemory, _ change: (inout ZeroCopyReceive.Registration) -> Void = { _ in }) throws {
            var registration = ZeroCopyReceive.Registration.noDevice(area: memory.registration)
            change(&registration)
            let error = ring.register(registration)
            memory.close()
            try run.expectRefusal(error, errno, what)
        }
        try refused("a dma-buf refused", EINVAL, try AreaMemory(dmabufPages: 16))
        try run.reserveHugePages()
        try refused("buffers of 8 KiB refused", EOPNOTSUPP, try AreaMemory(pages: HugePages.pages, huge: true)) { $0.bufferLength = 8192 }
        try traffic(run, pages: 64, rounds: 2, hold: false) { receiver in try receiver.flush() }
    }

    private static let areas = Scenario(
        "nodev.areas", "an area added: when the first is full, the kernel copies into the second, and every buffer of both is released", tier: .nodev,
        needs: needs.union([.zcrxAddArea]), expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)
    ) { run in
        let (pages, goal) = (16, 28)
        let pattern = PayloadPattern(seed: 24)
        let receiver = try ZeroCopyReceiver.make(run, bed: nil, pages: pages, pattern: pattern)
        let wire = try Loopback(run, pattern: pattern)
        try run.step("area of the same size added") { try receiver.addArea(try AreaMemory(pages: pages)) }
        // Nearly all buffers of both areas, each time: a buffer that is not released is missing at the next turn.
        for turn in 1...4 {
            try run.step("turn \(turn): received and held until \(goal) of \(2 * pages) buffers are held") {
                while receiver.heldNetIovs < goal {
                    try wire.send(4096, within: run.timeout(10))
                    try receiver.receive(from: wire.receiver.rawValue, total: wire.sent, hold: true, within: run.timeout(20))
                }
            }
            let used = Set(receiver.held.map { $0.area })
            try run.expect(used == [0, 1], "they are in both areas", "areas \(used.sorted()) are used")
            try run.step("\(receiver.held.count) held deliveries are unchanged, and are returned") {
                try receiver.recheckHeld()
                try receiver.returnAll()
                try receiver.flush()
            }
        }
        run.payload = try receiver.payload(sent: wire.sent, complete: true)
        try run.step("ring closed") { receiver.close() }
    }

    private static let shared = Scenario(
        "nodev.shared", "a queue without a device is exported and imported; the exporter closes with buffers held; the importer receives",
        tier: .nodev, needs: needs.union([.zcrxSharing]), expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)
    ) { run in
        let pages = 64
        let pattern = PayloadPattern(seed: 25)
        let area = AreaMemory(shared: try SharedMemory(count: pages * ZeroCopyReceiver.pageBytes))
        let memory = SharedDescriptor(OwnedDescriptor(taking: fcntl(area.descriptor, F_DUPFD_CLOEXEC, 0)))
        run.cleanUp("descriptor of the area closed") { memory.close() }
        let exporter = try ZeroCopyReceiver.make(run, bed: nil, pages: pages, pattern: pattern, area: area) { $0.refillMemory = .kernel }
        let wire = try Loopback(run, pattern: pattern)
        try run.step("\(round) bytes received and held") {
            try wire.send(round, within: run.timeout(10))
            try exporter.hold(UInt32(round), from: wire.receiver.rawValue, within: run.timeout(20))
            try exporter.recheckHeld()
        }
        let importer = try run.step("queue exported, and imported by another ring") {
            let exported = try exporter.with { SharedDescriptor(try $0.ring.export(queue: $0.queue.id)) }
            defer { exported.close() }
            let view = AreaMemory(
                shared: try SharedMemory(adopting: OwnedDescriptor(taking: fcntl(memory.rawValue, F_DUPFD_CLOEXEC, 0)), count: area.count))
            return try ZeroCopyReceiver(importing: exported.rawValue, shape: try exporter.with { $0.queue.shape }, area: view, pattern: pattern)
        }
        run.cleanUp("importer closed") { importer.close() }
        importer.continueStream(at: exporter.received)
        try run.step("exporter closed with \(exporter.held.count) deliveries held") { try exporter.closeWholly(within: run.timeout(20)) }
        // More than the area has: the kernel reuses the buffers that the importer returns.
        try run.step("24 times \(round) bytes received by the importer and returned") {
            for _ in 1...24 {
                try wire.send(round, within: run.timeout(10))
                try importer.receive(from: wire.receiver.rawValue, total: wire.sent - exporter.received, hold: false, within: run.timeout(20))
                try importer.flush()
            }
        }
        let copied = try importer.copiedBytes() ?? 0
        try run.expect(copied == wire.sent, "the queue counts the bytes copied for both rings", "\(copied) of \(wire.sent) bytes")
        run.payload = PayloadRecord(
            sent: wire.sent, received: exporter.received + importer.received, zeroCopy: 0, copied: copied, firstMismatch: nil, complete: true)
        try run.step("importer closed") { importer.close() }
    }

    private static func traffic(
        _ run: ScenarioRun, pages: Int, rounds: Int, hold: Bool, then: (ZeroCopyReceiver) throws -> Void
    ) throws {
        let pattern = PayloadPattern(seed: 20)
        let receiver = try ZeroCopyReceiver.make(run, bed: nil, pages: pages, pattern: pattern)
        let wire = try Loopback(run, pattern: pattern)
        try run.step("\(rounds * round) bytes received") {
            for _ in 0..<rounds {
                try wire.send(round, within: run.timeout(10))
                try receiver.receive(from: wire.receiver.rawValue, total: wire.sent, hold: hold, within: run.timeout(20))
            }
        }
        run.payload = try receiver.payload(sent: wire.sent, complete: true)
        try run.expect(run.payload?.zeroCopy == 0, "every byte was copied", "\(run.payload?.zeroCopy ?? 0) bytes were not")
        try then(receiver)
        try run.step("ring closed") { receiver.close() }
    }

    private static func flushed(_ id: String, _ summary: String, entries: UInt32) -> Scenario {
        Scenario(id, summary, tier: .nodev, needs: needs, expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)) { run in
            let pattern = PayloadPattern(seed: 21)
            let receiver = try ZeroCopyReceiver.make(run, bed: nil, pages: 16, refillEntries: entries, pattern: pattern)
            let wire = try Loopback(run, pattern: pattern)
            // The number of deliveries differs from run to run, and always fits into the refill ring.
            let portion = entries > 8 ? round : round / 4
            for turn in 1...8 * round / portion {
                try run.step("round \(turn): \(portion) bytes received, returned, flushed") {
                    try wire.send(portion, within: run.timeout(10))
                    try receiver.receive(from: wire.receiver.rawValue, total: wire.sent, hold: false, within: run.timeout(20))
                    try receiver.flush()
                }
            }
            run.payload = try receiver.payload(sent: wire.sent, complete: true)
            try run.step("ring closed") { receiver.close() }
        }
    }
}

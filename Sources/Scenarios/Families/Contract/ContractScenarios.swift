// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Every refusal of bind-rx, bind-tx, zcrx registrations and zcrx control operations. `ContractTables` has the expected results of each kernel
/// version (docs/contracts.md).
enum ContractScenarios {
    static let all: [Scenario] = [
        scenario(.devmem, "bind-rx", "bind-rx") { run, bed in try bindRX(run, bed) },
        scenario(.devmem, "bind-tx", "bind-tx", needs: [.devmemTransmit]) { run, bed in try bindTX(run, bed) },
        scenario(.zcrx, "register", "a zcrx registration") { run, bed in try register(run, bed) },
        scenario(.zcrx, "control", "zcrx control operations and imports") { run, bed in try control(run, bed) },
    ]

    private static let pages = 32
    private static let missingDevice: UInt32 = 1 << 30
    /// The loopback device: no queue management, no DMA, no provider.
    private static let loopback: UInt32 = 1

    private static func scenario(
        _ provider: Provider, _ name: String, _ what: String, needs: Set<Need> = [],
        _ observe: @escaping @Sendable (ScenarioRun, any TestBed) throws -> [String]
    ) -> Scenario {
        Scenario(
            "contract.\(name)", "every refusal of \(what): errno, extack and order of the checks", tier: .netdevsim,
            // The tables are for netdevsim: another NIC has other results, for example for the page size.
            needs: provider.needs.union(needs).union([.removableInterface]),
            expects: Expectation(provider: provider, minimumHolds: 1)
        ) { run in
            let bed = try run.makeTestBed()
            let observed = try run.step("every refusal observed") { try observe(run, bed) }
            // A valid request is granted, which also exercises the provider.
            let receiver = try provider.makeReceiver(run, bed: bed, pattern: PayloadPattern(seed: 0))
            try run.pools.observe()
            try run.step("provider ended") { receiver.end() }
            try ContractText.compare(name, observed, run)
        }
    }

    /// States of the device for which the kernel refuses a provider, in the order of the checks of `__netif_mp_open_rxq()`.
    private static func deviceConditions<Request>(_ run: ScenarioRun, _ bed: any TestBed) -> [Contract<Request>.Condition] {
        func rings(_ rings: DeviceRings) -> () throws -> () throws -> Void {
            {
                let ethtool = try Ethtool()
                try ethtool.setRings(of: bed.ifindex, to: rings)
                return { try bed.splitHeaders() }
            }
        }
        return [
            .init("tcp-data-split off", "split", witness: true, prepare: rings(DeviceRings(tcpDataSplit: .disabled))),
            .init("hds-thresh 1", "split", prepare: rings(DeviceRings(hdsThreshold: 1))),
            .init(
                "queue bound", "split", witness: true,
                prepare: { () throws -> () throws -> Void in
                    let memory = try UserDMABuf(size: pages * MappedMemory.pageSize)
                    let descriptor = memory.rawValue
                    var holder: Netdev? = try Netdev()
                    let bound = Result { try holder?.bindRX(ifindex: bed.ifindex, dmabuf: descriptor, queues: [bed.queue]) }
                    memory.close()
                    do {
                        _ = try bound.get()
                    } catch {
                        holder.take()?.close()
                        throw error
                    }
                    return { holder.take()?.close() }
                }),
        ]
    }

    // MARK: bind-rx, bind-tx

    private struct Binding {
        var ifindex: UInt32
        var queues: [UInt32]
        var dmabuf: CInt
        var pageSize: UInt32?
    }

    private static func withFiles(_ body: (_ dmabuf: CInt, _ other: CInt) throws -> [String]) throws -> [String] {
        let memory = try UserDMABuf(size: pages * MappedMemory.pageSize)
        let other = open("/dev/null", O_RDWR | O_CLOEXEC)
        let outcome = Result { try body(memory.rawValue, other) }
        close(other)
        memory.close()
        return try outcome.get()
    }

    private static func refusal(_ body: (inout Netdev) throws(KernelError) -> Void) throws -> KernelError? {
        var netdev = try Netdev()
        var refusal: KernelError?
        do throws(KernelError) {
            try body(&netdev)
        } catch {
            refusal = error
        }
        netdev.close()
        return refusal
    }

    private static func bindRX(_ run: ScenarioRun, _ bed: any TestBed) throws -> [String] {
        try withFiles { dmabuf, other in
            let conditions: [Contract<Binding>.Condition] = [
                .init("ifindex 0", "ifindex", change: { $0.ifindex = 0 }),
                .init("no queue given", "queue", change: { $0.queues = [] }),
                .init("page size no power of 2", "page size", change: { $0.pageSize = 12_288 }),
                .init("no such device", "ifindex", witness: true, change: { $0.ifindex = missingDevice }),
                .init("device without queue management", "ifindex", witness: true, change: { $0.ifindex = loopback }),
                .init("no such queue", "queue", change: { $0.queues = [9] }),
                .init("dma-buf -1", "dma-buf", witness: true, change: { $0.dmabuf = -1 }),
                .init("dma-buf descriptor of another file", "dma-buf", change: { $0.dmabuf = other }),
                .init("page size larger than the dma-buf", "page size", witness: true, change: { $0.pageSize = 1 << 31 }),
            ]
            return try Contract(
                plain: Binding(ifindex: bed.ifindex, queues: [bed.queue], dmabuf: dmabuf),
                conditions: conditions + deviceConditions(run, bed)
            ) { request in
                try refusal { netdev throws(KernelError) in
                    _ = try netdev.bindRX(
                        ifindex: request.ifindex, dmabuf: request.dmabuf, queues: request.queues, pageSize: request.pageSize)
                }
            }.observe()
        }
    }

    private static func bindTX(_ run: ScenarioRun, _ bed: any TestBed) throws -> [String] {
        try withFiles { dmabuf, other in
            try Contract<Binding>(
                plain: Binding(ifindex: bed.ifindex, queues: [], dmabuf: dmabuf),
                conditions: [
                    .init("ifindex 0", "ifindex", change: { $0.ifindex = 0 }),
                    .init("no such device", "ifindex", witness: true, change: { $0.ifindex = missingDevice }),
                    .init("device that cannot send net_iovs", "ifindex", witness: true, change: { $0.ifindex = loopback }),
                    .init("dma-buf -1", "dma-buf", witness: true, change: { $0.dmabuf = -1 }),
                    .init("dma-buf descriptor of another file", "dma-buf", witness: true, change: { $0.dmabuf = other }),
                ]
            ) { request in
                try refusal { netdev throws(KernelError) in _ = try netdev.bindTX(ifindex: request.ifindex, dmabuf: request.dmabuf) }
            }.observe()
        }
    }

    // MARK: zcrx

    private struct Registering {
        var registration: ZeroCopyReceive.Registration
        var setup: ZeroCopyReceive.Ring.Setup = .zeroCopyReceive
    }

    private static func register(_ run: ScenarioRun, _ bed: any TestBed) throws -> [String] {
        let area = try MappedMemory(anonymous: pages * MappedMemory.pageSize)
        var plain = ZeroCopyReceive.Registration(ifindex: bed.ifindex, queue: bed.queue, area: .memory(area), refillEntries: 256)
        plain.events = .init(userData: 0, events: [], statistics: true)
        let needed = UInt64(MappedMemory.pageSize) * 2
        let conditions: [Contract<Registering>.Condition] = [
            .init("ring without DEFER_TASKRUN", "ring", change: { $0.setup = [.bigCompletions, .singleIssuer] }),
            .init("ring without CQE32", "ring", change: { $0.setup = [.singleIssuer, .deferTaskRun] }),
            .init("unknown flag", "flags", change: { $0.registration.flags = .init(rawValue: 1 << 30) }),
            .init("no refill entries", "entries", change: { $0.registration.refillEntries = 0 }),
            .init("queue -1", "queue", change: { $0.registration.queue = .max }),
            .init("NODEV with an ifindex", "flags", change: { $0.registration.flags = .noDevice }),
            .init("area with a token", "token", change: { $0.registration.area.token = 1 << 48 }),
            .init("unknown event", "events", change: { $0.registration.events?.mask = 1 << 31 }),
            // The 256 entries would fill it, and the head and tail before them need space too.
            .init("region smaller than its ring", "region", change: { $0.registration.refillRegionSize = UInt64(MappedMemory.pageSize) }),
            .init("region size no multiple of a page", "region", change: { $0.registration.refillRegionSize = needed + 8 }),
            .init("statistics not aligned", "statistics", change: { $0.registration.events?.statisticsOffset = needed - 20 }),
            .init("statistics inside the ring", "statistics", witness: true, change: { $0.registration.events?.statisticsOffset = 0 }),
            .init("no such device", "ifindex", witness: true, change: { $0.registration.ifindex = missingDevice }),
            .init("device without DMA", "ifindex", witness: true, change: { $0.registration.ifindex = loopback }),
            .init("buffer length no power of 2", "length", change: { $0.registration.bufferLength = 12_288 }),
            .init("unknown area flag", "area flags", change: { $0.registration.area.flags |= 1 << 30 }),
            .init("area of length 0", "area", change: { $0.registration.area.length = 0 }),
            .init("area not aligned", "area", change: { $0.registration.area.address += 8 }),
            .init("area at address 0", "area", witness: true, change: { $0.registration.area.address = 0 }),
            .init(
                "area of dma-buf -1", "area", witness: true,
                change: {
                    $0.registration.area.address = 0
                    $0.registration.area.flags |= 1
                    $0.registration.area.dmabuf = .max
                }),
            .init("no such queue", "queue", witness: true, change: { $0.registration.queue = 9 }),
        ]
        let outcome = Result {
            try Contract(plain: Registering(registration: plain), conditions: conditions + deviceConditions(run, bed)) { request in
                try refusal(run, bed, request)
            }.observe()
        }
        area.unmap()
        return try outcome.get()
    }

    private static func refusal(_ run: ScenarioRun, _ bed: any TestBed, _ request: Registering) throws -> KernelError? {
        let ring = try ZeroCopyReceive.Ring(entries: 8, completionEntries: 64, setup: request.setup)
        var refusal: KernelError?
        do throws(KernelError) {
            try ring.register(request.registration).close()
        } catch {
            refusal = error
        }
        ring.close()
        if refusal == nil {
            // The kernel ends a ring in a work queue, and the queue is bound until then.
            try awaitFreeQueue(run)
        }
        return refusal
    }

    private static func control(_ run: ScenarioRun, _ bed: any TestBed) throws -> [String] {
        let memory = try MappedMemory(anonymous: pages * MappedMemory.pageSize)
        let outcome = Result {
            let ring = try ZeroCopyReceive.Ring(entries: 8, completionEntries: 64)
            let result = Result { try controlled(ring, .memory(memory), bed) }
            ring.close()
            return try result.get()
        }
        memory.unmap()
        let lines = try outcome.get()
        try awaitFreeQueue(run)
        return lines
    }

    /// Waits until the queue has no provider, without a step of its own.
    private static func awaitFreeQueue(_ run: ScenarioRun) throws {
        let isFree = try run.pools.wait(within: run.timeout(10)) { records in !records.contains { $0.provider == .zcrx && !$0.detached } }
        guard isFree else { throw ScenarioFailure("the queue is still bound") }
    }

    private static func controlled(
        _ ring: borrowing ZeroCopyReceive.Ring, _ area: ZeroCopyReceive.Registration.Area, _ bed: any TestBed
    ) throws -> [String] {
        let queue = try ring.register(.init(ifindex: bed.ifindex, queue: bed.queue, area: area, refillEntries: 256))
        let id = queue.id
        queue.close()
        var lines: [String] = []
        func note(_ what: String, _ body: () throws(KernelError) -> Void) {
            var refusal: KernelError?
            do throws(KernelError) {
                try body()
            } catch {
                refusal = error
            }
            lines.append(ContractText.line(what, refusal))
        }
        func adding(_ what: String, to queue: UInt32, _ change: (inout ZeroCopyReceive.Registration.Area) -> Void) {
            var changed = area
            change(&changed)
            note("add-area: \(what)") { () throws(KernelError) in _ = try ring.addArea(changed, queue: queue) }
        }
        note("flush: valid request") { () throws(KernelError) in try ring.flush(queue: id) }
        note("flush: no such zcrx") { () throws(KernelError) in try ring.flush(queue: id + 7) }
        note("export: valid request") { () throws(KernelError) in try ring.export(queue: id).close() }
        note("export: no such zcrx") { () throws(KernelError) in try ring.export(queue: id + 7).close() }
        note("arm-event: no such zcrx") { () throws(KernelError) in try ring.armEvent(.copied, queue: id + 7) }
        note("arm-event: event not requested") { () throws(KernelError) in try ring.armEvent(.copied, queue: id) }
        adding("no such zcrx", to: id + 7) { _ in }
        adding("no such zcrx + area with a token", to: id + 7) { $0.token = 1 << 48 }
        adding("area with a token", to: id) { $0.token = 1 << 48 }
        adding("area with a token + area at address 0", to: id) {
            $0.token = 1 << 48
            $0.address = 0
        }
        adding("unknown area flag", to: id) { $0.flags = 1 << 30 }
        adding("unknown area flag + area at address 0", to: id) {
            $0.flags = 1 << 30
            $0.address = 0
        }
        adding("area at address 0", to: id) { $0.address = 0 }
        adding("area not aligned", to: id) { $0.address += 8 }
        adding("area of dma-buf -1", to: id) { $0 = .dmabuf(-1, length: area.length) }
        try importing(ring, id, note)
        return lines
    }

    private static func importing(
        _ ring: borrowing ZeroCopyReceive.Ring, _ id: UInt32, _ note: (String, () throws(KernelError) -> Void) -> Void
    ) throws {
        let other = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(other) }
        for (name, setup) in [
            ("", ZeroCopyReceive.Ring.Setup.zeroCopyReceive), ("ring without DEFER_TASKRUN + ", [.bigCompletions, .singleIssuer]),
            ("ring without CQE32 + ", [.singleIssuer, .deferTaskRun]),
        ] {
            let importer = try ZeroCopyReceive.Ring(entries: 8, completionEntries: 64, setup: setup)
            note("import: \(name)descriptor -1") { () throws(KernelError) in _ = try importer.importQueue(-1) }
            note("import: \(name)descriptor of another file") { () throws(KernelError) in _ = try importer.importQueue(other) }
            note("import: \(name)descriptor of a zcrx") { () throws(KernelError) in
                let exported = try ring.export(queue: id)
                do throws(KernelError) {
                    _ = try importer.importQueue(exported.rawValue)
                } catch {
                    exported.close()
                    throw error
                }
                exported.close()
            }
            importer.close()
        }
        for excess in ZeroCopyReceive.ImportExcess.allCases {
            let importer = try ZeroCopyReceive.Ring(entries: 8, completionEntries: 64)
            note("import: \(excess.rawValue) + descriptor -1") { () throws(KernelError) in _ = try importer.importQueue(-1, with: excess) }
            note("import: \(excess.rawValue) + descriptor of a zcrx") { () throws(KernelError) in
                let exported = try ring.export(queue: id)
                do throws(KernelError) {
                    _ = try importer.importQueue(exported.rawValue, with: excess)
                } catch {
                    exported.close()
                    throw error
                }
                exported.close()
            }
            importer.close()
        }
    }
}

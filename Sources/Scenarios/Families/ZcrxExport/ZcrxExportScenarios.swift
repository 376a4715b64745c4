// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A queue exported by one ring and imported by another, of this process or of another one: the queue exists as long as a ring or descriptor
/// refers to it, and when the last is closed the kernel takes back every buffer that the user holds.
enum ZcrxExportScenarios {
    private static let pages = AreaMemory.smallPages

    private static func scenario(
        _ name: String, _ summary: String, payload: Bool = true, _ body: @escaping @Sendable (ScenarioRun, QueueExporter) throws -> Void
    ) -> Scenario {
        Scenario(
            "zcrx.export.\(name)", summary, tier: .netdevsim, needs: Provider.zcrx.needs.union([.zcrxSharing]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: pages, zeroCopy: payload, payload: payload,
                pools: ExpectedPools(buffers: UInt64(pages), traffic: true))
        ) { run in try body(run, try QueueExporter(run, bed: try run.makeTestBed(), pages: pages)) }
    }

    static let all: [Scenario] = [
        scenario("exporter-first", "the exporter closes with buffers held, then the importer receives") { run, exporter in
            let importer = try exporter.share(run) { try exporter.importHere(run) }
            try run.step("exporter closed with \(exporter.receiver.held.count) deliveries held") {
                try exporter.receiver.closeWholly(within: run.timeout(20))
            }
            try expectStillBound(run)
            try exporter.rest(run, importer)
            try run.userEnds()
            try run.step("importer closed") { importer.close() }
        },
        scenario("importer-first", "the importer receives and closes with buffers held; the buffers that the exporter holds are unchanged") {
            run, exporter in
            let importer = try exporter.share(run) { try exporter.importHere(run) }
            try exporter.rest(run, importer)
            try run.step("importer closed with \(importer.held.count) deliveries held") { try importer.closeWholly(within: run.timeout(20)) }
            try expectStillBound(run)
            try run.step("\(exporter.receiver.held.count) held deliveries are unchanged") { try exporter.receiver.recheckHeld() }
            try run.userEnds()
            try run.step("exporter closed") { exporter.receiver.close() }
        },
        scenario("descriptor", "the ring is closed, and only the exported descriptor is left", payload: false) { run, exporter in
            try exporter.receiveHeld(run)
            let descriptor = try exporter.export(run)
            try run.step("ring closed") { try exporter.receiver.closeWholly(within: run.timeout(20)) }
            try expectStillBound(run)
            try run.userEnds()
            try run.step("descriptor closed") { descriptor.close() }
        },
        scenario("in-flight", "the ring is closed while the exported descriptor is queued in a unix socket", payload: false) { run, exporter in
            try exporter.receiveHeld(run)
            let descriptor = try exporter.export(run)
            let (one, other) = try DescriptorPassing.pair()
            run.cleanUp("unix sockets closed") { for end in [one, other] { close(end) } }
            try run.step("descriptor sent and closed, ring closed") {
                try DescriptorPassing.send([descriptor.rawValue], over: one)
                descriptor.close()
                try exporter.receiver.closeWholly(within: run.timeout(20))
            }
            try expectStillBound(run)
            let taken = try run.step("descriptor received from the socket") { try DescriptorPassing.receive(1, from: other) }
            try expectStillBound(run)
            try run.userEnds()
            try run.step("descriptor closed") { for descriptor in taken { close(descriptor) } }
        },
        scenario("reimport", "the ring is closed, and another ring imports the queue from the exported descriptor") { run, exporter in
            try exporter.receiveHeld(run)
            let descriptor = try exporter.export(run)
            try run.step("ring closed with \(exporter.receiver.held.count) deliveries held") {
                try exporter.receiver.closeWholly(within: run.timeout(20))
            }
            try expectStillBound(run)
            let importer = try exporter.importHere(run, descriptor.rawValue)
            descriptor.close()
            try exporter.rest(run, importer)
            try run.userEnds()
            try run.step("importer closed") { importer.close() }
        },
        scenario("process", "another process imports the queue and receives; the exporter closes first", payload: false) { run, exporter in
            let worker = try exporter.startImporter(run)
            try run.step("exporter closed with \(exporter.receiver.held.count) deliveries held") {
                try exporter.receiver.closeWholly(within: run.timeout(20))
            }
            try expectStillBound(run)
            try run.step("the rest received by the worker") { _ = try worker.perform("rest \(QueueExporter.stream)", within: run.timeout(20)) }
            try run.userEnds()
            try run.step("ring of the worker closed") { _ = try worker.perform("close", within: run.timeout(10)) }
        },
        scenario("process-killed", "another process imports the queue, receives, and is killed before the exporter closes", payload: false) {
            run, exporter in
            let worker = try exporter.startImporter(run)
            try run.step("worker killed") { try worker.killNow() }
            try expectStillBound(run)
            try run.step("\(exporter.receiver.held.count) held deliveries are unchanged") { try exporter.receiver.recheckHeld() }
            try run.userEnds()
            try run.step("exporter closed") { exporter.receiver.close() }
        },
        sharedEvents("events", "the importer closes, and the event of copies is still reported to the exporter") { run, exporter in
            let importer = try exporter.importHere(run)
            try run.step("importer closed") { try importer.closeWholly(within: run.timeout(20)) }
        },
        // A failed import must undo only what the import did, although the ring is the one that registered the queue.
        sharedEvents("events-own", "an import into the exporter's own ring is refused, and the event of copies is still reported to it") {
            run, exporter in
            let descriptor = try exporter.export(run)
            let error = exporter.refusedImport(of: descriptor.rawValue)
            descriptor.close()
            try run.expectRefusal(error, EFAULT, "the import")
        },
        removed,
        scenario("no-descriptor", "exports by a process without a free descriptor are refused, and the queue stays bound", payload: false) {
            run, exporter in
            try exporter.receiveHeld(run)
            try run.step("8 exports refused: EMFILE") {
                for _ in 0..<8 {
                    let error = try DescriptorLimit.reached { exporter.refusedExport() }
                    guard error?.code == EMFILE else { throw ScenarioFailure(error.map { "\($0)" } ?? "the kernel granted it") }
                }
            }
            try expectStillBound(run)
            let descriptor = try exporter.export(run)
            descriptor.close()
            try run.step("\(exporter.receiver.held.count) held deliveries are unchanged") { try exporter.receiver.recheckHeld() }
            try run.userEnds()
            try run.step("ring closed") { exporter.receiver.close() }
        },
        scenario("read-only-import", "an import whose result the kernel cannot write is refused, and leaks nothing in ring or queue", payload: false)
        {
            run, exporter in
            try exporter.receiveHeld(run)
            let descriptor = try exporter.export(run)
            let ring = try ZeroCopyReceive.Ring()
            let outcome = Result { () throws(KernelError) in try ring.importQueueReadOnlyArgument(descriptor.rawValue) }
            descriptor.close()
            ring.close()
            try run.expectRefusal(EFAULT, "the import") { try outcome.get() }
            try expectStillBound(run)
            try run.step("\(exporter.receiver.held.count) held deliveries are unchanged") { try exporter.receiver.recheckHeld() }
            try run.userEnds()
            try run.step("ring closed") { exporter.receiver.close() }
        },
        scenario("read-only-export", "an export whose result the kernel cannot write is refused, and leaks no descriptor", payload: false) {
            run, exporter in
            try exporter.receiveHeld(run)
            let before = KernelFile.list("/proc/self/fd")
            let error = exporter.refusedExport(readOnly: true)
            try run.expectRefusal(error, EFAULT, "the export")
            let after = KernelFile.list("/proc/self/fd")
            try run.expect(before == after, "the open descriptors are the same", "\(before) became \(after)")
            let descriptor = try exporter.export(run)
            descriptor.close()
            try run.step("\(exporter.receiver.held.count) held deliveries are unchanged") { try exporter.receiver.recheckHeld() }
            try run.userEnds()
            try run.step("ring closed") { exporter.receiver.close() }
        },
        scenario("refused", "the import of a descriptor that is no exported queue is refused", payload: false) { run, exporter in
            try exporter.receiveHeld(run)
            try run.step("import of a socket, of descriptor 0 and of a closed descriptor refused: EBADF") {
                let (one, other) = try DescriptorPassing.pair()
                defer { for end in [one, other] { close(end) } }
                for descriptor in [one, 0, 999] {
                    do {
                        let ring = try ZeroCopyReceive.Ring()
                        let outcome = Result { () throws(KernelError) in try ring.importQueue(descriptor) }
                        ring.close()
                        _ = try outcome.get()
                        throw ScenarioFailure("descriptor \(descriptor) was imported")
                    } catch let error as KernelError {
                        guard error.code == EBADF else { throw error }
                    }
                }
            }
            try run.userEnds()
            try run.step("ring closed") { exporter.receiver.close() }
        },
    ]

    /// The kernel reports events to the ring that registered the queue, whichever other rings import it and close (`zcrx_send_notif()`).
    private static func sharedEvents(
        _ name: String, _ summary: String, before: @escaping @Sendable (ScenarioRun, QueueExporter) throws -> Void
    ) -> Scenario {
        Scenario(
            "zcrx.export.\(name)", summary, tier: .netdevsim, needs: Provider.zcrx.needs.union([.zcrxSharing]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: 256, payload: true, pools: ExpectedPools(traffic: false))
        ) { run in
            // More than the driver posts, so that some are free for copies.
            let exporter = try QueueExporter(run, bed: try run.makeTestBed(), pages: 512, pattern: ZeroCopyReceiver.copiedPattern) {
                $0.events?.mask = 1 << ZeroCopyReceive.Event.copied.rawValue
            }
            try before(run, exporter)
            try expectStillBound(run)
            try exporter.receiver.receiveCopies(run)
            try run.step("ring closed with \(exporter.receiver.held.count) deliveries held") { exporter.receiver.close() }
        }
    }

    /// The interface is removed. The last close takes back the buffers that the user holds, although there is no queue to close.
    private static let removed = Scenario(
        "zcrx.export.removed", "the interface is removed with buffers held, then the ring is closed, then the exported descriptor", tier: .netdevsim,
        needs: Provider.zcrx.needs.union([.zcrxSharing, .removableInterface]),
        expects: Expectation(
            provider: .zcrx, minimumHolds: pages, zeroCopy: false, detachedPool: true,
            pools: ExpectedPools(buffers: UInt64(pages), traffic: true))
    ) { run in
        let bed = try run.makeTestBed()
        let exporter = try QueueExporter(run, bed: bed, pages: pages)
        try exporter.receiveHeld(run)
        exporter.endStream()
        let descriptor = try exporter.export(run)
        try run.step("interface removed") { try bed.remove() }
        try run.expectDetachedPool(of: .zcrx)
        try run.step("ring closed with \(exporter.receiver.held.count) deliveries held") {
            try exporter.receiver.closeWholly(within: run.timeout(20))
        }
        let left = try run.pools.observe()
        try run.expect(
            left.contains { $0.provider == .zcrx && $0.inflight > 0 }, "its pool exists with net_iovs in flight", "it is freed, or has none in flight"
        )
        try run.userEnds()
        try run.step("descriptor closed") { descriptor.close() }
    }

    /// The queue is bound: its pool exists and is not detached.
    private static func expectStillBound(_ run: ScenarioRun) throws {
        let records = try run.pools.observe()
        try run.expect(
            records.contains { $0.provider == .zcrx && !$0.detached }, "the queue is still bound",
            "page-pool-get shows \(records.map { "pool \($0.id) (\($0.provider.rawValue))\($0.detached ? " detached" : "")" })")
    }
}

/// RLIMIT_NOFILE, lowered while `body` runs to the number of descriptors that this process has open.
private enum DescriptorLimit {
    static func reached<Value>(_ body: () -> Value) throws -> Value {
        let next = fcntl(0, F_DUPFD_CLOEXEC, 0)
        guard next >= 0 else { throw KernelError("finding the lowest free descriptor", code: errno) }
        close(next)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var before = rlimit()
        guard getrlimit(resource, &before) == 0 else { throw KernelError("reading RLIMIT_NOFILE", code: errno) }
        var lowered = rlimit(rlim_cur: rlim_t(next), rlim_max: before.rlim_max)
        guard setrlimit(resource, &lowered) == 0 else { throw KernelError("setting RLIMIT_NOFILE to \(next)", code: errno) }
        let value = body()
        guard setrlimit(resource, &before) == 0 else { throw KernelError("restoring RLIMIT_NOFILE", code: errno) }
        return value
    }
}

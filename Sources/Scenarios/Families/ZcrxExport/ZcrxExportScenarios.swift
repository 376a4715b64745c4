// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A queue exported by one ring and imported by another, in this process or in one of its own: it lives as long as any ring or
/// descriptor of it, and what any of them was given comes home with the last.
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
        scenario("exporter-first", "the exporter closes with buffers held, the importer receives on") { run, exporter in
            let importer = try exporter.share(run) { try exporter.importHere(run) }
            try run.step("exporter closed with \(exporter.receiver.held.count) deliveries held") {
                try exporter.receiver.closeWholly(within: run.timeout(20))
            }
            try stillAttached(run)
            try exporter.rest(run, importer)
            try run.userEnds()
            try run.step("importer closed") { importer.close() }
        },
        scenario("importer-first", "the importer receives and closes with buffers held, the exporter's are as they came") { run, exporter in
            let importer = try exporter.share(run) { try exporter.importHere(run) }
            try exporter.rest(run, importer)
            try run.step("importer closed with \(importer.held.count) deliveries held") { try importer.closeWholly(within: run.timeout(20)) }
            try stillAttached(run)
            try run.step("\(exporter.receiver.held.count) held deliveries are as they came") { try exporter.receiver.recheckHeld() }
            try run.userEnds()
            try run.step("exporter closed") { exporter.receiver.close() }
        },
        scenario("descriptor", "the ring is closed, and only the exported descriptor is left", payload: false) { run, exporter in
            try exporter.receiveHeld(run)
            let descriptor = try exporter.export(run)
            try run.step("ring closed") { try exporter.receiver.closeWholly(within: run.timeout(20)) }
            try stillAttached(run)
            try run.userEnds()
            try run.step("descriptor closed") { descriptor.close() }
        },
        scenario("in-flight", "the ring is closed, and the exported descriptor is under way in a socket", payload: false) { run, exporter in
            try exporter.receiveHeld(run)
            let descriptor = try exporter.export(run)
            let (one, other) = try DescriptorPassing.pair()
            run.cleanUp("unix sockets closed") { for end in [one, other] { close(end) } }
            try run.step("descriptor sent and closed, ring closed") {
                try DescriptorPassing.send([descriptor.rawValue], over: one)
                descriptor.close()
                try exporter.receiver.closeWholly(within: run.timeout(20))
            }
            try stillAttached(run)
            let taken = try run.step("descriptor taken from the socket") { try DescriptorPassing.receive(1, from: other) }
            try stillAttached(run)
            try run.userEnds()
            try run.step("descriptor closed") { for descriptor in taken { close(descriptor) } }
        },
        scenario("reimport", "the ring is closed, and another imports the queue that only a descriptor held") { run, exporter in
            try exporter.receiveHeld(run)
            let descriptor = try exporter.export(run)
            try run.step("ring closed with \(exporter.receiver.held.count) deliveries held") {
                try exporter.receiver.closeWholly(within: run.timeout(20))
            }
            try stillAttached(run)
            let importer = try exporter.importHere(run, descriptor.rawValue)
            descriptor.close()
            try exporter.rest(run, importer)
            try run.userEnds()
            try run.step("importer closed") { importer.close() }
        },
        scenario("process", "a process of its own imports the queue and receives, the exporter closes first", payload: false) { run, exporter in
            let worker = try exporter.startImporter(run)
            try run.step("exporter closed with \(exporter.receiver.held.count) deliveries held") {
                try exporter.receiver.closeWholly(within: run.timeout(20))
            }
            try stillAttached(run)
            try run.step("the worker receives the rest") { _ = try worker.ask("rest \(QueueExporter.stream)", within: run.timeout(20)) }
            try run.userEnds()
            try run.step("worker closes and ends") { _ = try worker.ask("close", within: run.timeout(10)) }
        },
        scenario("process-killed", "a process of its own imports the queue, receives, and is killed first", payload: false) { run, exporter in
            let worker = try exporter.startImporter(run)
            try run.step("worker killed") { try worker.killNow() }
            try stillAttached(run)
            try run.step("\(exporter.receiver.held.count) held deliveries are as they came") { try exporter.receiver.recheckHeld() }
            try run.userEnds()
            try run.step("exporter closed") { exporter.receiver.close() }
        },
        sharedEvents("events", "the importer closes, and the exporter is still told of what is copied") { run, exporter in
            let importer = try exporter.importHere(run)
            try run.step("importer closed") { try importer.closeWholly(within: run.timeout(20)) }
        },
        // What a failed import gives up again is the importer's, though it is the ring that registered the queue.
        sharedEvents("events-own", "an import into the exporter's own ring is refused, and it is still told of what is copied") { run, exporter in
            let descriptor = try exporter.export(run)
            let error = exporter.refusedImport(of: descriptor.rawValue)
            descriptor.close()
            try run.expect(error?.code == EFAULT, "the import refused with EFAULT", error.map { "\($0)" } ?? "it was granted")
        },
        removed,
        scenario("no-descriptor", "exports by a process that has no descriptor left are refused, and the queue lives on", payload: false) {
            run, exporter in
            try exporter.receiveHeld(run)
            try run.step("8 exports refused: EMFILE") {
                for _ in 0..<8 {
                    let error = try DescriptorLimit.reached { exporter.refusedExport() }
                    guard error?.code == EMFILE else { throw ScenarioFailure(error.map { "\($0)" } ?? "it was granted") }
                }
            }
            try stillAttached(run)
            let descriptor = try exporter.export(run)
            descriptor.close()
            try run.step("\(exporter.receiver.held.count) held deliveries are as they came") { try exporter.receiver.recheckHeld() }
            try run.userEnds()
            try run.step("ring closed") { exporter.receiver.close() }
        },
        scenario("read-only-import", "an import whose answer cannot be written is refused, and leaves no trace in ring or queue", payload: false) {
            run, exporter in
            try exporter.receiveHeld(run)
            let descriptor = try exporter.export(run)
            let ring = try ZeroCopyReceive.Ring()
            let outcome = Result { () throws(KernelError) in try ring.importQueueReadOnlyArgument(descriptor.rawValue) }
            descriptor.close()
            ring.close()
            var answer = "granted"
            if case .failure(let error) = outcome { answer = error.codeName }
            try run.expect(answer == "EFAULT", "the import refused with EFAULT, and its ring closed", "the answer was \(answer)")
            try stillAttached(run)
            try run.step("\(exporter.receiver.held.count) held deliveries are as they came") { try exporter.receiver.recheckHeld() }
            try run.userEnds()
            try run.step("ring closed") { exporter.receiver.close() }
        },
        scenario("read-only-export", "an export whose answer cannot be written is refused, and leaves no descriptor", payload: false) {
            run, exporter in
            try exporter.receiveHeld(run)
            let before = KernelFile.list("/proc/self/fd")
            let error = exporter.refusedExport(readOnly: true)
            try run.expect(error?.code == EFAULT, "the export refused with EFAULT", error.map { "\($0)" } ?? "it was granted")
            let after = KernelFile.list("/proc/self/fd")
            try run.expect(before == after, "no descriptor came or went", "\(before) became \(after)")
            let descriptor = try exporter.export(run)
            descriptor.close()
            try run.step("\(exporter.receiver.held.count) held deliveries are as they came") { try exporter.receiver.recheckHeld() }
            try run.userEnds()
            try run.step("ring closed") { exporter.receiver.close() }
        },
        scenario("refused", "what is no exported queue is not imported", payload: false) { run, exporter in
            try exporter.receiveHeld(run)
            try run.step("a pipe, a socket and nothing: EBADF") {
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

    /// Events go to the ring that registered the queue, whoever else comes and goes (`zcrx_send_notif()`).
    private static func sharedEvents(
        _ name: String, _ summary: String, before: @escaping @Sendable (ScenarioRun, QueueExporter) throws -> Void
    ) -> Scenario {
        Scenario(
            "zcrx.export.\(name)", summary, tier: .netdevsim, needs: Provider.zcrx.needs.union([.zcrxSharing]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: 256, payload: true, pools: ExpectedPools(traffic: false))
        ) { run in
            // More than the driver posts, so that there are some to copy into.
            let exporter = try QueueExporter(run, bed: try run.makeTestBed(), pages: 512, pattern: ZeroCopyReceiver.copiedPattern) {
                $0.events?.mask = 1 << ZeroCopyReceive.Event.copied.rawValue
            }
            try before(run, exporter)
            try stillAttached(run)
            try exporter.receiver.receiveCopies(run)
            try run.step("ring closed with \(exporter.receiver.held.count) deliveries held") { exporter.receiver.close() }
        }
    }

    /// The queue has gone with the interface: what the user holds is taken back by whoever lets go of it last, though there is no queue to close.
    private static let removed = Scenario(
        "zcrx.export.removed", "the interface removed with buffers held, the ring closed, and the exported descriptor last", tier: .netdevsim,
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
        try run.expect(left.contains { $0.provider == .zcrx && $0.inflight > 0 }, "its pool waits for what was held", "it has gone")
        try run.userEnds()
        try run.step("descriptor closed") { descriptor.close() }
    }

    /// The queue is bound: its pool is there and not detached.
    private static func stillAttached(_ run: ScenarioRun) throws {
        let records = try run.pools.observe()
        try run.expect(
            records.contains { $0.provider == .zcrx && !$0.detached }, "the registration lives on",
            "page-pool-get shows \(records.map { "pool \($0.id) (\($0.provider.rawValue))\($0.detached ? " detached" : "")" })")
    }
}

/// RLIMIT_NOFILE, lowered for a moment to what this process has open.
private enum DescriptorLimit {
    static func reached<Value>(_ body: () -> Value) throws -> Value {
        let next = fcntl(0, F_DUPFD_CLOEXEC, 0)
        guard next >= 0 else { throw KernelError("looking for the next descriptor", code: errno) }
        close(next)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var before = rlimit()
        guard getrlimit(resource, &before) == 0 else { throw KernelError("reading RLIMIT_NOFILE", code: errno) }
        var lowered = rlimit(rlim_cur: rlim_t(next), rlim_max: before.rlim_max)
        guard setrlimit(resource, &lowered) == 0 else { throw KernelError("setting RLIMIT_NOFILE to \(next)", code: errno) }
        let value = body()
        guard setrlimit(resource, &before) == 0 else { throw KernelError("setting RLIMIT_NOFILE back", code: errno) }
        return value
    }
}

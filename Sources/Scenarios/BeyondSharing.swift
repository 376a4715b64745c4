// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A queue exported by one ring and imported by another, in this process or in one of its own: it lives as long as any ring or
/// descriptor of it, and what any of them was given comes home with the last.
extension BeyondScenarios {
    private static let pages = HostileScene.pages
    private static let kept: UInt64 = 40_000
    private static let stream: UInt64 = 500_000

    private static func scenario(
        _ name: String, _ summary: String, payload: Bool = true, _ body: @escaping @Sendable (ScenarioRun, Exporter) throws -> Void
    ) -> Scenario {
        Scenario(
            "beyond.share.\(name)", summary, tier: .netdevsim, needs: ZeroCopyScenarios.needs.union([.zcrxSharing]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: pages, zeroCopy: payload, payload: payload,
                pools: ExpectedPools(buffers: UInt64(pages), traffic: true))
        ) { run in try body(run, try Exporter(run, bed: try TestBed.make(run), pages: pages)) }
    }

    static let sharing: [Scenario] = [
        scenario("exporter-first", "the exporter closes with buffers held, the importer receives on") { run, exporter in
            let importer = try exporter.share(run) { try exporter.importHere(run) }
            try run.step("exporter closed with \(exporter.receiver.held.count) deliveries held") {
                try exporter.receiver.closeWholly(within: run.patience(20))
            }
            try stillAttached(run)
            try exporter.rest(run, importer)
            try run.userEnds()
            try run.step("importer closed") { importer.close() }
        },
        scenario("importer-first", "the importer receives and closes with buffers held, the exporter's are as they came") { run, exporter in
            let importer = try exporter.share(run) { try exporter.importHere(run) }
            try exporter.rest(run, importer)
            try run.step("importer closed with \(importer.held.count) deliveries held") { try importer.closeWholly(within: run.patience(20)) }
            try stillAttached(run)
            try run.step("\(exporter.receiver.held.count) held deliveries are as they came") { try exporter.receiver.recheckHeld() }
            try run.userEnds()
            try run.step("exporter closed") { exporter.receiver.close() }
        },
        scenario("descriptor", "the ring is closed, and only the exported descriptor is left", payload: false) { run, exporter in
            try exporter.receiveKept(run)
            let descriptor = try exporter.export(run)
            try run.step("ring closed") { try exporter.receiver.closeWholly(within: run.patience(20)) }
            try stillAttached(run)
            try run.userEnds()
            try run.step("descriptor closed") { descriptor.close() }
        },
        scenario("in-flight", "the ring is closed, and the exported descriptor is under way in a socket", payload: false) { run, exporter in
            try exporter.receiveKept(run)
            let descriptor = try exporter.export(run)
            let (one, other) = try DescriptorPassing.pair()
            run.cleanUp("unix sockets closed") { for end in [one, other] { close(end) } }
            try run.step("descriptor sent and closed, ring closed") {
                try DescriptorPassing.send([descriptor.rawValue], over: one)
                descriptor.close()
                try exporter.receiver.closeWholly(within: run.patience(20))
            }
            try stillAttached(run)
            let taken = try run.step("descriptor taken from the socket") { try DescriptorPassing.receive(1, from: other) }
            try stillAttached(run)
            try run.userEnds()
            try run.step("descriptor closed") { for descriptor in taken { close(descriptor) } }
        },
        scenario("reimport", "the ring is closed, and another imports the queue that only a descriptor held") { run, exporter in
            try exporter.receiveKept(run)
            let descriptor = try exporter.export(run)
            try run.step("ring closed with \(exporter.receiver.held.count) deliveries held") {
                try exporter.receiver.closeWholly(within: run.patience(20))
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
                try exporter.receiver.closeWholly(within: run.patience(20))
            }
            try stillAttached(run)
            try run.step("the worker receives the rest") { _ = try worker.ask("rest \(stream)", within: run.patience(20)) }
            try run.userEnds()
            try run.step("worker closes and ends") { _ = try worker.ask("close", within: run.patience(10)) }
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
            try run.step("importer closed") { try importer.closeWholly(within: run.patience(20)) }
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
            try exporter.receiveKept(run)
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
        scenario("frozen", "an import whose answer cannot be written is refused, and leaves no trace in ring or queue", payload: false) {
            run, exporter in
            try exporter.receiveKept(run)
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
        scenario("frozen-export", "an export whose answer cannot be written is refused, and leaves no descriptor", payload: false) { run, exporter in
            try exporter.receiveKept(run)
            let before = KernelFile.list("/proc/self/fd")
            let error = exporter.refusedExport(frozen: true)
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
            try exporter.receiveKept(run)
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
        _ name: String, _ summary: String, before: @escaping @Sendable (ScenarioRun, Exporter) throws -> Void
    ) -> Scenario {
        Scenario(
            "beyond.share.\(name)", summary, tier: .netdevsim, needs: ZeroCopyScenarios.needs.union([.zcrxSharing]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: 256, payload: true, pools: ExpectedPools(traffic: false))
        ) { run in
            // More than the driver posts, so that there are some to copy into.
            let exporter = try Exporter(run, bed: try TestBed.make(run), pages: 512, pattern: copied) {
                $0.events?.mask = 1 << ZeroCopyReceive.Event.copied.rawValue
            }
            try before(run, exporter)
            try stillAttached(run)
            try copies(run, exporter.receiver)
            try run.step("ring closed with \(exporter.receiver.held.count) deliveries held") { exporter.receiver.close() }
        }
    }

    /// The queue has gone with the interface: what the user holds is taken back by whoever lets go of it last, though there is no queue to close.
    private static let removed = Scenario(
        "beyond.share.removed", "the interface removed with buffers held, the ring closed, and the exported descriptor last", tier: .netdevsim,
        needs: ZeroCopyScenarios.needs.union([.zcrxSharing, .removableInterface]),
        expects: Expectation(
            provider: .zcrx, minimumHolds: pages, zeroCopy: false, detachedPool: true,
            pools: ExpectedPools(buffers: UInt64(pages), traffic: true))
    ) { run in
        let bed = try TestBed.make(run)
        let exporter = try Exporter(run, bed: bed, pages: pages)
        try exporter.receiveKept(run)
        exporter.endStream()
        let descriptor = try exporter.export(run)
        try run.step("interface removed") { try bed.remove() }
        try ZeroCopyScenarios.seeDetached(run, .zcrx)
        try run.step("ring closed with \(exporter.receiver.held.count) deliveries held") {
            try exporter.receiver.closeWholly(within: run.patience(20))
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

    /// The descriptor of an exported queue, which closes once, when it is told to or when the scenario is over.
    final class Exported {
        private(set) var rawValue: CInt

        init(_ descriptor: consuming OwnedDescriptor) { rawValue = descriptor.take() }

        func close() {
            if rawValue >= 0 { Glibc.close(rawValue) }
            rawValue = -1
        }

        deinit { close() }
    }

    /// A receiver whose queue is shared: its refill ring is memory of the kernel, its area has a descriptor.
    final class Exporter {
        let receiver: ZeroCopyReceiver
        private let bed: TestBed
        /// The area's memory, which outlives the receiver.
        private let memory: Exported
        private let areaSize: Int
        private let shape: ZeroCopyReceive.RefillShape
        private let pattern: PayloadPattern
        private var socket: Connection?

        init(
            _ run: ScenarioRun, bed: TestBed, pages: Int, pattern: PayloadPattern = PayloadPattern(seed: 4),
            configure: (inout ZeroCopyReceive.Registration) -> Void = { _ in }
        ) throws {
            self.bed = bed
            self.pattern = pattern
            let area = AreaMemory(shared: try SharedMemory(count: pages * ZeroCopyReceiver.pageBytes))
            let memory = Exported(OwnedDescriptor(taking: fcntl(area.descriptor, F_DUPFD_CLOEXEC, 0)))
            self.memory = memory
            areaSize = area.count
            run.cleanUp("descriptor of the area closed") { memory.close() }
            receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: pages, pattern: pattern, area: area) {
                $0.refillMemory = .kernel
                configure(&$0)
            }
            shape = try receiver.with { $0.queue.shape }
        }

        /// Receives the stream's first bytes and keeps them.
        func receiveKept(_ run: ScenarioRun) throws {
            let socket = try bed.connect(run)
            self.socket = socket
            try socket.limitUnread(16_384)
            try bed.peer.send(pattern, bytes: stream)
            // So many and no more: on a busy machine a receive without a limit may have taken every buffer before it can be cancelled.
            try run.step("\(kept) bytes received and kept") { try receiver.keep(UInt32(kept), from: socket.rawValue, within: run.patience(20)) }
            try run.userHolds(receiver.heldNetIovs)
            try run.pools.observe()
        }

        func export(_ run: ScenarioRun) throws -> Exported {
            let exported = try run.step("queue exported") { try receiver.with { Exported(try $0.ring.export(queue: $0.queue.id)) } }
            run.cleanUp("exported descriptor closed") { exported.close() }
            return exported
        }

        /// The refusal of an export; nil where it was granted.
        ///
        /// - Parameter frozen: whether the kernel can only read the request.
        func refusedExport(frozen: Bool = false) -> KernelError? {
            do {
                if frozen {
                    try receiver.with { try $0.ring.exportReadOnlyArgument(queue: $0.queue.id) }
                    return nil
                }
                try receiver.with { Exported(try $0.ring.export(queue: $0.queue.id)) }.close()
                return nil
            } catch {
                return error as? KernelError ?? KernelError("\(error)", code: EIO)
            }
        }

        /// The refusal of an import into the exporter's own ring, whose answer cannot be written; nil where it was granted.
        func refusedImport(of exported: CInt) -> KernelError? {
            do {
                try receiver.with { try $0.ring.importQueueReadOnlyArgument(exported) }
                return nil
            } catch {
                return error as? KernelError ?? KernelError("\(error)", code: EIO)
            }
        }

        /// Closes the connection with what it has not delivered.
        func endStream() { socket?.close() }

        /// Receives what is kept, then has the queue imported.
        func share(_ run: ScenarioRun, _ body: () throws -> ZeroCopyReceiver) throws -> ZeroCopyReceiver {
            try receiveKept(run)
            return try body()
        }

        /// Imports the queue into a ring of this process.
        func importHere(_ run: ScenarioRun, _ exported: CInt? = nil) throws -> ZeroCopyReceiver {
            let view = AreaMemory(
                shared: try SharedMemory(
                    adopting: OwnedDescriptor(taking: fcntl(memory.rawValue, F_DUPFD_CLOEXEC, 0)), count: areaSize))
            let importer: ZeroCopyReceiver
            if let exported {
                importer = try run.step("queue imported") {
                    try ZeroCopyReceiver(importing: exported, shape: shape, area: view, pattern: pattern)
                }
            } else {
                let descriptor = try export(run)
                let made = Result {
                    try run.step("queue imported") {
                        try ZeroCopyReceiver(importing: descriptor.rawValue, shape: shape, area: view, pattern: pattern)
                    }
                }
                descriptor.close()
                importer = try made.get()
            }
            run.cleanUp("importer closed") { importer.close() }
            importer.continueStream(at: receiver.received)
            return importer
        }

        /// The importer receives the rest of the stream, and keeps its last bytes; all of it makes the payload.
        func rest(_ run: ScenarioRun, _ importer: ZeroCopyReceiver) throws {
            guard let socket else { throw ScenarioFailure("there is no connection") }
            let first = receiver.received
            try run.step("the rest received by the importer, the last \(kept) kept") {
                try importer.receive(from: socket.rawValue, total: stream - first - kept, keep: false, within: run.patience(20))
                try importer.receive(from: socket.rawValue, total: stream - first, keep: true, within: run.patience(20))
                try importer.recheckHeld()
            }
            var payload = try importer.payload(sent: try bed.peer.sent(within: run.patience(10)), complete: true)
            payload.received += first
            payload.zeroCopy += first
            run.payload = payload
            try run.userHolds(receiver.heldNetIovs + importer.heldNetIovs)
            try run.pools.observe()
            socket.close()
        }

        /// Passes the exported queue and the area to a process of its own, which imports it, and receives and keeps the stream's
        /// first bytes there. This ring's own are received over another connection before.
        func startImporter(_ run: ScenarioRun) throws -> ChildProcess {
            try receiveKept(run)
            try bed.peer.close()
            socket?.close()
            let name = "ppiov-\(getpid())"
            let listener = try DescriptorPassing.listen(name)
            let worker: ChildProcess
            do {
                worker = try run.environment.startWorker([
                    "zcrx-import", name, String(shape.entries), String(shape.regionSize), String(shape.statisticsOffset ?? 0),
                    String(areaSize), bed.local, String(run.patience(1)),
                ])
                try worker.send("import")
                let channel = try DescriptorPassing.accept(listener, timeoutMilliseconds: CInt(run.patience(10) * 1000))
                listener.close()
                let descriptor = try export(run)
                let passed = Result { try DescriptorPassing.send([descriptor.rawValue, memory.rawValue], over: channel.rawValue) }
                descriptor.close()
                try passed.get()
                try run.step("queue imported by a process of its own") {
                    let answer = try worker.line(within: run.patience(10))
                    guard answer == "ok" else { throw ScenarioFailure(answer) }
                }
                channel.close()
            }
            try bed.peer.connect(to: bed.local, port: TestBed.port, within: run.patience(10))
            run.cleanUp("peer's socket closed") { try self.bed.peer.abort() }
            try bed.peer.send(pattern, bytes: stream)
            let held = try run.step("\(kept) bytes received and kept there") {
                Int(try worker.ask("keep \(kept)", within: run.patience(20))) ?? 0
            }
            try run.expect(held > 0, "net_iovs held by the worker", "it says that it has none")
            try run.userHolds(receiver.heldNetIovs + held)
            try run.pools.observe()
            return worker
        }
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

extension WorkerParts {
    /// Where an exported queue comes from, and what must be known of it.
    public struct Import: Sendable {
        var name: String
        var shape: ZeroCopyReceive.RefillShape
        var areaSize: Int
        var local: String
        var patience: Double

        /// - Parameter words: name of the unix socket, entries, bytes of the region, place of the statistics, bytes of the area, address
        ///   to listen on, and what multiplies deadlines.
        public init?(_ words: [String]) {
            guard words.count == 7, let entries = UInt32(words[1]), let size = Int(words[2]), let statistics = UInt64(words[3]),
                let area = Int(words[4]), let patience = Double(words[6])
            else { return nil }
            name = words[0]
            shape = .init(entries: entries, regionSize: size, statisticsOffset: statistics)
            areaSize = area
            local = words[5]
            self.patience = patience
        }
    }

    /// Imports a queue that another process exports. "import" is answered when the queue is there and a socket listens, "keep N" with the number of
    /// net_iovs when N bytes are held, "rest N" when N bytes of the stream were received, "area N" with how many bytes more this process has pinned
    /// with an area of N pages, "close" when the ring is closed.
    public static func importQueue(_ from: Import, next: () -> String?, say: (String) -> Void) throws {
        guard next() == "import" else { return }
        let channel = try DescriptorPassing.connect(from.name)
        let taken = Result { try DescriptorPassing.receive(2, from: channel.rawValue) }
        channel.close()
        let descriptors = try taken.get()
        let area = AreaMemory(shared: try SharedMemory(adopting: OwnedDescriptor(taking: descriptors[1]), count: from.areaSize))
        let receiver = try ZeroCopyReceiver(importing: descriptors[0], shape: from.shape, area: area, pattern: PayloadPattern(seed: 4))
        close(descriptors[0])
        let listener = try TestBed.listen(on: from.local)
        say("ok")
        let socket = Connection(try TCP.accept(listener, timeoutMilliseconds: CInt(10_000 * from.patience)))
        listener.close()
        try socket.limitUnread(16_384)
        while let words = next()?.split(separator: " ") {
            switch (words.first, words.last.flatMap { UInt64($0) }) {
            case ("keep", let bytes?):
                try receiver.receive(from: socket.rawValue, total: bytes, keep: true, within: 20 * from.patience)
                say("ok \(receiver.heldNetIovs)")
            case ("rest", let bytes?):
                try receiver.receive(from: socket.rawValue, total: bytes, keep: false, within: 20 * from.patience)
                try receiver.recheckHeld()
                say("ok")
            case ("area", let pages?):
                let before = try ResourceCounters.lockedBytes()
                try receiver.addArea(try AreaMemory(pages: Int(pages)))
                say("ok \(try ResourceCounters.lockedBytes() - before)")
            case ("close", _):
                socket.close()
                receiver.close()
                say("ok")
                return
            default: return
            }
        }
    }
}

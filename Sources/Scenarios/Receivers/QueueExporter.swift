// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A descriptor that is closed once: by ``close()``, or when the object is released.
final class SharedDescriptor {
    private(set) var rawValue: CInt

    init(_ descriptor: consuming OwnedDescriptor) { rawValue = descriptor.take() }

    func close() {
        if rawValue >= 0 { Glibc.close(rawValue) }
        rawValue = -1
    }

    deinit { close() }
}

/// A receiver whose queue is shared with other rings: its refill ring is memory of the kernel, its area has a descriptor.
final class QueueExporter {
    /// Bytes that the exporter receives and the user holds.
    static let heldBytes: UInt64 = 40_000
    /// Bytes of the whole stream.
    static let stream: UInt64 = 500_000

    let receiver: ZeroCopyReceiver
    private let bed: any TestBed
    /// The descriptor of the area's memory, which stays open when the receiver is closed.
    private let memory: SharedDescriptor
    private let areaSize: Int
    private let shape: ZeroCopyReceive.RefillShape
    private let pattern: PayloadPattern
    private var socket: Connection?

    init(
        _ run: ScenarioRun, bed: any TestBed, pages: Int, pattern: PayloadPattern = PayloadPattern(seed: 4),
        configure: (inout ZeroCopyReceive.Registration) -> Void = { _ in }
    ) throws {
        self.bed = bed
        self.pattern = pattern
        let area = AreaMemory(shared: try SharedMemory(count: pages * ZeroCopyReceiver.pageBytes))
        let memory = SharedDescriptor(OwnedDescriptor(taking: fcntl(area.descriptor, F_DUPFD_CLOEXEC, 0)))
        self.memory = memory
        areaSize = area.count
        run.cleanUp("descriptor of the area closed") { memory.close() }
        receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: pages, pattern: pattern, area: area) {
            $0.refillMemory = .kernel
            configure(&$0)
        }
        shape = try receiver.with { $0.queue.shape }
    }

    /// Receives the first bytes of the stream, which the user holds.
    func receiveHeld(_ run: ScenarioRun) throws {
        let socket = try bed.connect(run)
        self.socket = socket
        try socket.limitReceiveBuffer(16_384)
        try bed.peer.send(pattern, bytes: Self.stream)
        // With a limit: on a busy machine a receive without one can use every buffer before it is cancelled.
        try run.step("\(Self.heldBytes) bytes received and held") {
            try receiver.hold(UInt32(Self.heldBytes), from: socket.rawValue, within: run.timeout(20))
        }
        try run.userHolds(receiver.heldNetIovs)
        try run.pools.observe()
    }

    func export(_ run: ScenarioRun) throws -> SharedDescriptor {
        let exported = try run.step("queue exported") { try receiver.with { SharedDescriptor(try $0.ring.export(queue: $0.queue.id)) } }
        run.cleanUp("exported descriptor closed") { exported.close() }
        return exported
    }

    /// Tries to export the queue.
    ///
    /// - Parameter readOnly: the kernel can read the request and not write to it.
    func refusedExport(readOnly: Bool = false) -> KernelError? {
        do {
            if readOnly {
                try receiver.with { try $0.ring.exportReadOnlyArgument(queue: $0.queue.id) }
                return nil
            }
            try receiver.with { SharedDescriptor(try $0.ring.export(queue: $0.queue.id)) }.close()
            return nil
        } catch {
            return error as? KernelError ?? KernelError("\(error)", code: EIO)
        }
    }

    /// Tries to import the queue into the exporter's own ring, with a request that the kernel cannot write to.
    ///
    /// - Returns: the refusal; nil where the import was granted.
    func refusedImport(of exported: CInt) -> KernelError? {
        do {
            try receiver.with { try $0.ring.importQueueReadOnlyArgument(exported) }
            return nil
        } catch {
            return error as? KernelError ?? KernelError("\(error)", code: EIO)
        }
    }

    /// Closes the connection with its unread payload.
    func endStream() { socket?.close() }

    /// Receives the first bytes, then has `body` import the queue.
    func share(_ run: ScenarioRun, _ body: () throws -> ZeroCopyReceiver) throws -> ZeroCopyReceiver {
        try receiveHeld(run)
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

    /// The importer receives the rest of the stream and holds its last bytes; the payload is that of both.
    func rest(_ run: ScenarioRun, _ importer: ZeroCopyReceiver) throws {
        guard let socket else { throw ScenarioFailure("there is no connection") }
        let first = receiver.received
        try run.step("the rest received by the importer, the last \(Self.heldBytes) held") {
            try importer.receive(from: socket.rawValue, total: Self.stream - first - Self.heldBytes, hold: false, within: run.timeout(20))
            try importer.receive(from: socket.rawValue, total: Self.stream - first, hold: true, within: run.timeout(20))
            try importer.recheckHeld()
        }
        var payload = try importer.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
        payload.received += first
        payload.zeroCopy += first
        run.payload = payload
        try run.userHolds(receiver.heldNetIovs + importer.heldNetIovs)
        try run.pools.observe()
        socket.close()
    }

    /// Passes the exported queue and the area to a worker process, which imports the queue, and receives and holds the first bytes of a stream. The
    /// exporter has received its own over another connection before.
    func startImporter(_ run: ScenarioRun) throws -> ChildProcess {
        try receiveHeld(run)
        try bed.peer.close()
        socket?.close()
        let name = "ppiov-\(getpid())"
        let listener = try DescriptorPassing.listen(name)
        let worker: ChildProcess
        do {
            worker = try run.environment.startWorker([
                "zcrx-import", name, String(shape.entries), String(shape.regionSize), String(shape.statisticsOffset ?? 0),
                String(areaSize), bed.local, String(run.timeout(1)),
            ])
            try worker.send("import")
            let channel = try DescriptorPassing.accept(listener, timeoutMilliseconds: CInt(run.timeout(10) * 1000))
            listener.close()
            let descriptor = try export(run)
            let passed = Result { try DescriptorPassing.send([descriptor.rawValue, memory.rawValue], over: channel.rawValue) }
            descriptor.close()
            try passed.get()
            try run.step("queue imported by a worker process") {
                let answer = try worker.line(within: run.timeout(10))
                guard answer == "ok" else { throw ScenarioFailure(answer) }
            }
            channel.close()
        }
        try bed.peer.connect(to: bed.local, port: Connection.port, within: run.timeout(10))
        run.cleanUp("peer's socket closed") { try self.bed.peer.abort() }
        try bed.peer.send(pattern, bytes: Self.stream)
        let held = try run.step("\(Self.heldBytes) bytes received and held there") {
            Int(try worker.perform("hold \(Self.heldBytes)", within: run.timeout(20))) ?? 0
        }
        try run.expect(held > 0, "net_iovs held by the worker", "it reports none")
        try run.userHolds(receiver.heldNetIovs + held)
        try run.pools.observe()
        return worker
    }
}

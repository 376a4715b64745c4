// SPDX-License-Identifier: GPL-2.0

import Foundation
import Synchronization
import SystemPackage

/// A machine that runs. It lives as long as the closure of ``withVirtualMachine(_:memory:console:isolation:_:)``.
///
/// Its streams hold back the guest when they are not read (each beyond its limit), so read them, or let the machine end.
public final class VirtualMachine: Sendable {
    /// The kernel's messages and init's, one line each.
    public let console: BoundedQueue<GuestLine>
    /// The agent's lines: one JSON object each.
    public let events: BoundedQueue<GuestLine>
    /// The trace channel, as it comes.
    public let trace: BoundedQueue<[UInt8]>
    public let qmp: QMP
    /// When QEMU was started.
    public let started: ContinuousClock.Instant

    private let channels: [QEMUCommandLine.Socket: Channel]
    private let process: QEMUProcess
    private let options: MachineOptions
    private let watch: ConsoleWatch
    /// What a failed boot tells the reader to read.
    private let consoleHint: String

    /// The longest line kept: a ready event carries a dozen tracefs format files.
    private static let eventLimit = 1 << 20
    private static let consoleLimit = 16 << 10
    private static let backlog = 64 << 20

    fileprivate init(_ line: QEMUCommandLine, memory: MachineMemory, folder: String, consoleLog: String?) throws {
        options = line.options
        consoleHint = consoleLog.map { "read the console log \($0)" } ?? "run it with a console log"
        let console = BoundedQueue<GuestLine>(limit: Self.backlog)
        let events = BoundedQueue<GuestLine>(limit: Self.backlog)
        let trace = BoundedQueue<[UInt8]>(limit: Self.backlog)
        let log = try consoleLog.map {
            try FileDescriptor.open(
                SystemPackage.FilePath($0), .writeOnly, options: [.create, .append, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
        }
        let watch = ConsoleWatch()
        let monitor = Promise<Channel>()
        let qmp = QMP { bytes in try await monitor.value().send(bytes) }
        let receivers: [QEMUCommandLine.Socket: @Sendable ([UInt8]?) -> Void] = [
            .console: Self.lines(into: console, limit: Self.consoleLimit, log: log, watch: watch),
            .events: Self.lines(into: events, limit: Self.eventLimit, log: nil, watch: nil),
            .trace: { bytes in if let bytes { trace.push(bytes, cost: bytes.count) } else { trace.end() } },
            .qmp: { qmp.receive($0) },
        ]
        var channels: [QEMUCommandLine.Socket: Channel] = [:]
        do {
            for (socket, receive) in receivers {
                let channel = try Channel(path: folder + "/" + socket.rawValue, receive: receive)
                channels[socket] = channel
                if socket == .qmp { monitor.settle(.success(channel)) }
            }
            started = .now
            process = try QEMUProcess(
                program: line.options.qemu, arguments: line.arguments(sockets: folder, memory: memory), directory: folder
            ) { [channels] in
                for channel in channels.values { channel.stopListening() }
            }
        } catch {
            for channel in channels.values { channel.end() }
            throw error
        }
        self.console = console
        self.events = events
        self.trace = trace
        self.qmp = qmp
        self.channels = channels
        self.watch = watch
    }

    private static func lines(
        into queue: BoundedQueue<GuestLine>, limit: Int, log: FileDescriptor?, watch: ConsoleWatch?
    ) -> @Sendable ([UInt8]?) -> Void {
        let splitter = Mutex(LineSplitter(limit: limit))
        return { bytes in
            if let bytes {
                // A full disk must not end the run: the stream still has every line.
                if let log { _ = try? log.writeAll(bytes.filter { $0 != UInt8(ascii: "\r") }) }
                for line in splitter.withLock({ $0.feed(bytes) }) {
                    watch?.feed(line.text)
                    queue.push(line, cost: line.text.utf8.count + 64)
                }
            } else {
                if let line = splitter.withLock({ $0.finish() }) { queue.push(line, cost: 0) }
                queue.end()
                watch?.end()
                try? log?.close()
            }
        }
    }

    /// Waits for QEMU's connections and its monitor.
    fileprivate func connect() async throws {
        let limit = options.limit(20)
        do {
            try await withDeadline(limit, expired: { HarnessError(.harness, "QEMU did not connect to its sockets within \(limit)") }) {
                [channels] in
                for channel in channels.values { try await channel.connected() }
            }
            try await qmp.negotiate(within: limit)
        } catch let error as HarnessError {
            throw await explained(error)
        }
    }

    /// The error of something that failed because QEMU is dead says how QEMU died.
    func explained(_ error: HarnessError) async -> HarnessError {
        guard let exit = try? await exit(within: .seconds(2)) else { return error }
        return HarnessError(
            .harness, "\(exit) while the machine was being started", hint: "`--dry-run` shows QEMU's command line", evidence: exit.stderr)
    }

    /// Kills what runs, lets every reader finish, and returns when nothing of the machine is left. Never cancelled.
    fileprivate func end() async {
        process.kill()
        await Task { [process, channels, console, events, trace] in
            _ = try? await process.waitForExit()
            console.end()
            events.end()
            trace.end()
            for channel in channels.values {
                channel.stopListening()
                try? await channel.ended()
            }
        }.value
    }

    /// QEMU's process.
    public func processID() async throws -> Int32 { try await process.processID() }

    /// Sends the agent a line.
    public func send(_ line: String) async throws {
        try await channels[.events]?.send(Array((line + "\n").utf8))
    }

    /// Types at the console: only a shell (`MachineOptions.shell`) listens.
    public func type(_ text: String) async throws {
        try await channels[.console]?.send(Array(text.utf8))
    }

    /// Injects an NMI: the kernel prints the backtraces of all CPUs, panics (`unknown_nmi_panic`) and the machine ends.
    ///
    /// It reaches a guest that has its interrupts off.
    public func nmi() async throws { try await qmp.execute("inject-nmi") }

    /// Sends a magic SysRq over the serial console and waits for its headline: "l" for the backtraces of all CPUs, "w" for blocked
    /// tasks, "t" for all tasks; "h", the help, is a fence, for its headline follows everything that was asked before.
    ///
    /// The guest goes on; it needs a CPU that takes interrupts. One at a time: two breaks in a row cancel each other.
    ///
    /// - Throws: `HarnessError` where the guest does not react within 5 s (scaled) or the machine ends.
    public func sysrq(_ key: Character) async throws {
        let headline = watch.expect(key == "h" ? "sysrq: HELP" : "sysrq: ")
        defer { watch.cancel(headline) }
        // A break that meets a console busy with printing is lost: ask again.
        for seconds in [0.3, 0.6, 1.3, 2.8] {
            try await qmp.execute("chardev-send-break", ["id": .string(QEMUCommandLine.Socket.console.rawValue)])
            try await channels[.console]?.send(Array(String(key).utf8))
            if try await withDeadline(options.limit(seconds), { try await headline.value() }) != nil { return }
        }
        throw HarnessError(.harness, "the guest did not react to SysRq \(key) within \(options.limit(5))")
    }

    /// Puts everything a hung guest can still say onto its console: the backtraces of all CPUs and the blocked tasks by SysRq where it
    /// takes interrupts, then an NMI, which ends it.
    ///
    /// - Returns: how the machine ended; it is killed where not even the NMI reaches the kernel.
    @discardableResult
    public func dumpAndStop() async throws -> MachineExit {
        do {
            // The fence: an NMI into a console that is being written to loses its text.
            for key in "lwh" { try await sysrq(key) }
            try await quiet()
        } catch is HarnessError {
            // Deaf, as a guest with its interrupts off is.
        }
        try Task.checkCancellation()
        _ = try? await nmi()
        return try await endedOrKilled(within: options.limit(10))
    }

    /// How QEMU ended; nil where it has not within `limit`.
    private func exit(within limit: Duration) async throws -> MachineExit? {
        try await withDeadline(limit) { [process] in try await process.waitForExit() }
    }

    /// Waits for QEMU's end, and kills it where it does not come within `limit`.
    @discardableResult
    private func endedOrKilled(within limit: Duration) async throws -> MachineExit {
        if let exit = try await exit(within: limit) { return exit }
        process.kill()
        return try await process.waitForExit()
    }

    /// Waits until the console says nothing for a while. The CPU that wrote the last line owns the console for a moment
    /// longer, however long that is on a host with no time for it, and a panic on another CPU would find it taken.
    private func quiet() async throws {
        // One that never falls silent is not waited for.
        for _ in 0..<50 {
            let line = watch.expect("")
            defer { watch.cancel(line) }
            if try await withDeadline(options.limit(0.1), { try await line.value() }) == nil { return }
        }
    }

    /// Waits for the agent's first event.
    ///
    /// - Returns: the line, which must be of kind "ready".
    /// - Throws: `HarnessError` where the machine ends or the deadline (30 s, scaled) passes first; the evidence is the console's end.
    public func waitForReady() async throws -> String {
        let limit = options.limit(30)
        let recent = RecentLines(400)
        async let reader: Void = recent.read(console)
        switch try await withDeadline(limit, { [events] in await events.next() }) {
        case nil:
            throw HarnessError(
                .harness, "the guest's agent was not ready within \(limit)", hint: consoleHint + "; a debug kernel may need a larger --timeout-scale",
                evidence: recent.bootFailure, blame: .kernel)
        case .some(nil):
            try Task.checkCancellation()
            // The console ends when QEMU does; its last lines have the reason.
            let exit = try await process.waitForExit()
            await reader
            throw HarnessError(
                .harness, "the guest ended before its agent was ready (\(exit))", hint: consoleHint,
                evidence: recent.bootFailure + exit.stderr, blame: exit.cause == .status(0) ? .kernel : .harness)
        case .some(let line?):
            guard let event = try? JSONDecoder().decode(QMPValue.self, from: Data(line.text.utf8)), event["kind"]?.string == "ready" else {
                throw HarnessError(.harness, "the agent's first line is not a ready event: \(line.text.prefix(400))")
            }
            return line.text
        }
    }

    /// Asks QEMU to quit and waits for it; kills it where it does not within 5 s.
    public func quit() async throws {
        // The reply may be lost with the socket: the exit is what counts.
        _ = try? await qmp.execute("quit", within: .seconds(5))
        try Task.checkCancellation()
        try await endedOrKilled(within: .seconds(5))
    }

    /// SIGKILL; no wait.
    public func kill() { process.kill() }

    /// How QEMU ended, where it has.
    public var exit: MachineExit? { process.exit }

    /// Waits until QEMU has ended, for whatever reason.
    public func waitForExit() async throws -> MachineExit { try await process.waitForExit() }
}

/// Starts a machine, runs `body` with it, and leaves nothing of it behind: not when `body` throws, nor when the task is cancelled.
///
/// - Parameters:
///   - line: the machine.
///   - memory: how its memory is backed. A `.restored` machine is up but has not loaded its state.
///   - console: a file the console is appended to, byte for byte but for the carriage returns.
/// - Throws: what `body` throws; `HarnessError` where QEMU does not come up.
public func withVirtualMachine<Value>(
    _ line: QEMUCommandLine, memory: MachineMemory = .anonymous, console: String? = nil,
    isolation: isolated (any Actor)? = #isolation, _ body: (VirtualMachine) async throws -> Value
) async throws -> Value {
    try line.options.validate()
    try Task.checkCancellation()
    let folder = try RunFolder()
    let machine = try VirtualMachine(line, memory: memory, folder: folder.path, consoleLog: console)
    do {
        let value = try await withTaskCancellationHandler {
            try await machine.connect()
            return try await body(machine)
        } onCancel: {
            machine.kill()
        }
        await machine.end()
        folder.remove()
        return value
    } catch {
        await machine.end()
        folder.remove()
        // QEMU was killed by the cancellation: that is the reason, not the broken sockets that follow from it.
        try Task.checkCancellation()
        throw error
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import Synchronization

/// A running machine. It ends when the closure of ``withVirtualMachine(_:memory:console:isolation:_:)`` returns.
///
/// A stream that is not read blocks the guest once it is over its limit: the caller reads all three, or ends the machine.
final class VirtualMachine: Sendable {
    /// The kernel's messages and init's, one line each.
    let console: BoundedQueue<GuestLine>
    /// The agent's lines, each a JSON object.
    let events: BoundedQueue<GuestLine>
    /// The bytes of the trace channel.
    let trace: BoundedQueue<[UInt8]>
    let qmp: QMP
    /// When QEMU was started.
    let started: ContinuousClock.Instant

    private let channels: [QEMUCommandLine.Socket: Channel]
    private let process: QEMUProcess
    private let options: MachineOptions
    private let watch: ConsoleWatch
    private let log: ConsoleLog?
    /// The hint of a boot that failed.
    private let consoleHint: String

    /// The longest line, in bytes: a ready event has a dozen tracefs format files.
    private static let eventLimit = 1 << 20
    private static let consoleLimit = 16 << 10
    private static let backlog = 64 << 20

    fileprivate init(_ line: QEMUCommandLine, memory: MachineMemory, folder: String, consoleLog: String?) throws {
        options = line.options
        consoleHint = consoleLog.map { "read the console log \($0)" } ?? "run it with a console log"
        let console = BoundedQueue<GuestLine>(limit: Self.backlog)
        let events = BoundedQueue<GuestLine>(limit: Self.backlog)
        let trace = BoundedQueue<[UInt8]>(limit: Self.backlog)
        let log = try consoleLog.map { try ConsoleLog($0) }
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
        self.log = log
    }

    private static func lines(
        into queue: BoundedQueue<GuestLine>, limit: Int, log: ConsoleLog?, watch: ConsoleWatch?
    ) -> @Sendable ([UInt8]?) -> Void {
        let splitter = Mutex(LineSplitter(limit: limit))
        return { bytes in
            if let bytes {
                log?.write(bytes)
                for line in splitter.withLock({ $0.feed(bytes) }) {
                    watch?.feed(line.text)
                    queue.push(line, cost: line.text.utf8.count + 64)
                }
            } else {
                if let line = splitter.withLock({ $0.finish() }) { queue.push(line, cost: 0) }
                queue.end()
                watch?.end()
                log?.close()
            }
        }
    }

    /// Waits until QEMU has connected to all sockets and its monitor is ready.
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

    /// Kills QEMU where the accelerator cannot continue the guest. Without this, such a guest looks like one that hangs.
    fileprivate func endWhereAcceleratorFails() async {
        if await qmp.acceleratorFails() { process.kill() }
    }

    /// The error of a start that failed. Where QEMU has ended, it names the cause.
    func explained(_ error: HarnessError) async -> HarnessError {
        guard let exit = try? await exit(within: .seconds(2)) else { return error }
        return HarnessError(
            .harness, "\(exit) while the machine was being started", hint: "`--dry-run` prints QEMU's command line", evidence: exit.stderr)
    }

    /// Kills QEMU, waits for every reader, and returns when the process and the threads have ended. It is never cancelled.
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

    /// The id of QEMU's process.
    func processID() async throws -> Int32 { try await process.processID() }

    /// Sends a line to the agent.
    func send(_ line: String) async throws {
        try await channels[.events]?.send(Array((line + "\n").utf8))
    }

    /// Writes to the console's input: only a shell (`MachineOptions.shell`) reads it.
    func type(_ text: String) async throws {
        try await channels[.console]?.send(Array(text.utf8))
    }

    /// Injects an NMI: the kernel prints the backtraces of all CPUs, panics (`unknown_nmi_panic`) and the machine ends.
    ///
    /// It also reaches a guest that has its interrupts off.
    func nmi() async throws { try await qmp.execute("inject-nmi") }

    /// Sends a magic SysRq over the serial console and waits for its first line: "l" for the backtraces of all CPUs, "w" for blocked
    /// tasks, "t" for all tasks; "h", the help, is a fence: its first line follows the output of all SysRqs before it.
    ///
    /// The guest continues. It needs a CPU that takes interrupts. Only one call at a time: two breaks in a row cancel each other.
    ///
    /// - Throws: `HarnessError` where the guest does not react within 5 s (scaled) or the machine ends.
    func sysrq(_ key: Character) async throws {
        let headline = watch.expect(key == "h" ? "sysrq: HELP" : "sysrq: ")
        defer { watch.cancel(headline) }
        // A break is lost while the console prints: it is sent again.
        for seconds in [0.3, 0.6, 1.3, 2.8] {
            try await qmp.execute("chardev-send-break", ["id": .string(QEMUCommandLine.Socket.console.rawValue)])
            try await channels[.console]?.send(Array(String(key).utf8))
            if try await withDeadline(options.limit(seconds), { try await headline.value() }) != nil { return }
        }
        throw HarnessError(.harness, "the guest did not react to SysRq \(key) within \(options.limit(5))")
    }

    /// Makes a hung guest print the backtraces of all CPUs and its blocked tasks, by SysRq where it takes interrupts, then stops it by an
    /// NMI.
    ///
    /// - Returns: how the machine ended. It is killed where the kernel does not react to the NMI either.
    @discardableResult
    func dumpAndStop() async throws -> MachineExit {
        do {
            // "h" is the fence: an NMI during the console's output loses its own text.
            for key in "lwh" { try await sysrq(key) }
            try await waitForQuietConsole()
        } catch is HarnessError {
            // A guest with its interrupts off does not react.
        }
        try Task.checkCancellation()
        _ = try? await nmi()
        return try await endedOrKilled(within: options.limit(10))
    }

    /// How QEMU ended; nil where it has not within `limit`.
    private func exit(within limit: Duration) async throws -> MachineExit? {
        try await withDeadline(limit) { [process] in try await process.waitForExit() }
    }

    /// Waits for QEMU's end, and kills QEMU where it has not ended within `limit`.
    @discardableResult
    private func endedOrKilled(within limit: Duration) async throws -> MachineExit {
        if let exit = try await exit(within: limit) { return exit }
        process.kill()
        return try await process.waitForExit()
    }

    /// Waits until the console prints nothing for 0.1 s (scaled). The CPU that printed the last line owns the console for a moment
    /// longer, and on a busy host that moment is long: a panic on another CPU could not print.
    private func waitForQuietConsole() async throws {
        // At most 50 lines: a console may never be quiet.
        for _ in 0..<50 {
            let line = watch.expect("")
            defer { watch.cancel(line) }
            if try await withDeadline(options.limit(0.1), { try await line.value() }) == nil { return }
        }
    }

    /// Waits for the agent's first event, which must be of kind "ready".
    ///
    /// - Returns: its line.
    /// - Throws: `HarnessError` where the machine ends or the deadline (30 s, scaled) passes first; the evidence is the console's last lines.
    func waitForReady() async throws -> String {
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

    /// Sends `quit` to QEMU and waits for its end; kills it where it has not ended within 5 s.
    func quit() async throws {
        // The reply may be lost with the socket: only the exit counts.
        _ = try? await qmp.execute("quit", within: .seconds(5))
        try Task.checkCancellation()
        try await endedOrKilled(within: .seconds(5))
    }

    /// - Throws: `HarnessError` where the console's file is not whole, after the machine has ended.
    fileprivate func requireWholeLog() throws { try log?.requireWhole() }

    /// Sends SIGKILL to QEMU, and does not wait.
    func kill() { process.kill() }

    /// How QEMU ended; nil where it has not.
    var exit: MachineExit? { process.exit }

    /// Waits until QEMU has ended, for any reason.
    func waitForExit() async throws -> MachineExit { try await process.waitForExit() }
}

/// Starts a machine, runs `body` with it, and removes all of it, also when `body` throws or the task is cancelled.
///
/// - Parameters:
///   - line: the machine.
///   - memory: the backing of its memory. A `.restored` machine has started but has not loaded its state.
///   - console: a file that the console's bytes are appended to, without carriage returns.
/// - Throws: what `body` throws; `HarnessError` where QEMU does not start.
func withVirtualMachine<Value>(
    _ line: QEMUCommandLine, memory: MachineMemory = .anonymous, console: String? = nil,
    isolation: isolated (any Actor)? = #isolation, _ body: (VirtualMachine) async throws -> Value
) async throws -> Value {
    try line.options.validate()
    try Task.checkCancellation()
    let folder = try RunFolder()
    let machine = try VirtualMachine(line, memory: memory, folder: folder.path, consoleLog: console)
    let value: Value
    do {
        value = try await withTaskCancellationHandler {
            try await machine.connect()
            let watch = Task { await machine.endWhereAcceleratorFails() }
            defer { watch.cancel() }
            return try await body(machine)
        } onCancel: {
            machine.kill()
        }
        await machine.end()
    } catch {
        await machine.end()
        folder.remove()
        // A cancellation kills QEMU: it is the cause of the error, which the broken sockets only follow from.
        try Task.checkCancellation()
        throw error
    }
    folder.remove()
    try machine.requireWholeLog()
    return value
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Results
import Subprocess
import Synchronization
import SystemPackage

/// How a machine's QEMU ended.
struct MachineExit: Sendable, Equatable, CustomStringConvertible {
    enum Cause: Sendable, Equatable {
        /// QEMU exited. The status is 0 also after a guest's reboot, power-off or panic (with `panic=-1`).
        case status(Int32)
        /// A signal of another process ended it.
        case signal(Int32)
        /// The accelerator could not continue the guest, by QEMU's message; QEMU stopped the guest and was then killed.
        case accelerator(String)
        /// Another process stopped it (SIGSTOP), it did not continue, and the harness ended it.
        case stopped
    }

    var cause: Cause
    /// The last lines QEMU wrote to its standard output and error.
    var stderr: [String] = []

    /// QEMU failed or was killed, and its guest did not end it.
    var isQEMUs: Bool { cause != .status(0) }

    /// Another process, or the kernel of the host for lack of memory, ended or stopped QEMU.
    var isOfAnotherProcess: Bool { [.stopped, .signal(SIGKILL), .signal(SIGTERM), .signal(SIGINT), .signal(SIGHUP)].contains(cause) }

    var description: String {
        switch cause {
        case .status(let status): "QEMU exited with status \(status)"
        case .signal(let signal): "QEMU was killed by signal \(signal)"
        case .accelerator(let message): "the accelerator could not continue the guest (\(message))"
        case .stopped: "QEMU was stopped by another process and did not continue"
        }
    }
}

/// A QEMU process, in a process group of its own.
///
/// `kill()` ends it. Where util-linux's `setpriv` is installed, QEMU gets a parent-death signal, so that it also ends when the harness is
/// killed by SIGKILL.
final class QEMUProcess: Sendable {
    private let exited = Promise<MachineExit>()
    private let started = Promise<Int32>()
    private let task: Mutex<Task<Void, Never>?>

    /// - Parameters:
    ///   - directory: QEMU's working folder; its output goes to `qemu.log` there.
    ///   - ended: called once, after the exit is known.
    init(program: String, arguments: [String], directory: String, ended: @escaping @Sendable () -> Void) throws {
        let log = directory + "/qemu.log"
        let output = try FileDescriptor.open(
            SystemPackage.FilePath(log), .writeOnly, options: [.create, .append, .closeOnExec], permissions: .ownerReadWrite)
        task = Mutex(nil)
        let configuration = Self.configuration(program, arguments, directory)
        let running = Task { [exited, started] in
            defer { ended() }
            let watch = StopWatch()
            do {
                let result = try await Subprocess.run(
                    configuration, input: .none, output: .fileDescriptor(output, closeAfterSpawningProcess: false),
                    error: .fileDescriptor(output, closeAfterSpawningProcess: false)
                ) { execution in
                    watch.begin(execution.processIdentifier.value)
                    started.settle(.success(execution.processIdentifier.value))
                }
                watch.end()
                let lines = Self.lines(log)
                let words = Array(lines.suffix(20))
                let cause: MachineExit.Cause =
                    if let message = Self.acceleratorFault(lines) {
                        .accelerator(message)
                    } else {
                        switch result.terminationStatus {
                        case .signaled where watch.stopped != nil: .stopped
                        case .exited(let status): Self.terminatingSignal(words).map { .signal($0) } ?? .status(status)
                        case .signaled(let signal): .signal(signal)
                        }
                    }
                exited.settle(.success(MachineExit(cause: cause, stderr: words)))
            } catch {
                watch.end()
                let failure = HarnessError(
                    .harness, "cannot start \(program): \(error)", hint: "`ppiov doctor` lists what is missing and how to get it")
                started.settle(.failure(failure))
                exited.settle(.failure(failure))
            }
            try? output.close()
        }
        task.withLock { $0 = running }
    }

    private static func configuration(_ program: String, _ arguments: [String], _ directory: String) -> Configuration {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(5))]
        return configuration(program, arguments, deathSignal: "KILL", directory: directory, options)
    }

    /// - Parameters:
    ///   - deathSignal: what QEMU gets when this process is killed.
    ///   - directory: nil for that of this process.
    private static func configuration(
        _ program: String, _ arguments: [String], deathSignal: String, directory: String?, _ options: PlatformOptions
    ) -> Configuration {
        let words = (Command.setpriv.map { [$0, "--pdeathsig", deathSignal, "--"] } ?? []) + [program] + arguments
        return Configuration(
            executable: words[0].contains("/") ? .path(SystemPackage.FilePath(words[0])) : .name(words[0]),
            arguments: Arguments(Array(words.dropFirst())), environment: .inherit.updating(["LC_ALL": "C"]),
            workingDirectory: directory.map { SystemPackage.FilePath($0) }, platformOptions: options)
    }

    /// Runs QEMU on the standard input and output of this process, to its end. Cancellation ends it by SIGTERM, upon which it restores the
    /// terminal's mode.
    ///
    /// - Throws: `HarnessError` where it cannot be started.
    static func onTerminal(program: String, arguments: [String]) async throws -> MachineExit {
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(2))]
        let watch = StopWatch()
        defer { watch.end() }
        do {
            let result = try await Subprocess.run(
                configuration(program, arguments, deathSignal: "TERM", directory: nil, options),
                input: .fileDescriptor(.standardInput, closeAfterSpawningProcess: false),
                output: .fileDescriptor(.standardOutput, closeAfterSpawningProcess: false),
                error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
            ) { watch.begin(process: $0.processIdentifier.value) }
            switch result.terminationStatus {
            case .signaled where watch.stopped != nil: return MachineExit(cause: .stopped)
            case .signaled(let signal): return MachineExit(cause: .signal(signal))
            case .exited(let status): return MachineExit(cause: .status(status))
            }
        } catch let error as SubprocessError {
            throw HarnessError(.harness, "cannot start \(program): \(error)", hint: "`ppiov doctor` lists how to get it")
        }
    }

    /// The signal in QEMU's line "terminating on signal N": it then exits with status 0, as after its guest's end.
    static func terminatingSignal(_ words: [String]) -> Int32? {
        let mark = "terminating on signal "
        return words.lazy.compactMap { line in line.range(of: mark).flatMap { Int32(line[$0.upperBound...].prefix { $0.isNumber }) } }.first
    }

    /// QEMU's message where KVM cannot continue a guest (`kvm_cpu_exec()`, accel/kvm/kvm-all.c): QEMU then stops the guest and waits.
    static func acceleratorFault(_ lines: [String]) -> String? {
        lines.first { line in
            ["KVM internal error", "KVM: entry failed", "KVM: unknown exit", "error: kvm run failed"].contains { line.hasPrefix($0) }
        }
    }

    private static func lines(_ log: String) -> [String] {
        let bytes = FileManager.default.contents(atPath: log) ?? Data()
        return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    /// How it ended; nil where it has not.
    var exit: MachineExit? { try? exited.result?.get() }

    func processID() async throws -> Int32 { try await started.value() }

    /// - Throws: `HarnessError` where it could not be started; `CancellationError`.
    func waitForExit() async throws -> MachineExit { try await exited.value() }

    /// Sends SIGKILL to QEMU's process group, and does not wait.
    func kill() { task.withLock { $0 }?.cancel() }
}

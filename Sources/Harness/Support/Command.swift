// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Subprocess
import SystemPackage

/// Runs the tools the harness is built on (make, git, apt-get, patch, tar), with their output in a log file.
///
/// Each runs in a process group of its own. When the calling task is cancelled, the group gets SIGTERM, then SIGKILL, so that no compiler of
/// an interrupted build remains.
public struct Command: Sendable {
    /// A name looked up in PATH, or a path where it contains a slash.
    public var program: String
    /// The arguments, without the program's name.
    public var arguments: [String]
    /// Additions to the inherited environment.
    public var environment: [String: String]
    /// What it inherits in place of the harness's own environment; nil for that, without `neverInherited`.
    public var inherited: [String: String]?
    /// A program with its arguments that runs the command; empty for none. Messages show the command without it.
    var prefix: [String] = []
    /// The working directory; nil for the harness's own.
    public var directory: String?
    /// Variables that the command must not inherit, such as MAKEFLAGS where the harness itself runs below make.
    public var unset: [String] = []
    /// The name of the signal that the command gets when the harness ends, also by SIGKILL: a build or an apt-get that continued would share
    /// its folder with the next one. nil for none. Needs util-linux's `setpriv`; without it no signal is sent.
    public var parentDeathSignal: String? = "TERM"
    /// The file that it reads as standard input; nil for none.
    public var input: String?
    /// What it reads as standard input, where that is no file.
    var inputBytes: [UInt8]?

    /// A command; LC_ALL is always C.
    public init(_ program: String, _ arguments: [String], environment: [String: String] = [:], directory: String? = nil) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
    }

    /// The command, quoted for a shell.
    public var line: String {
        ([program] + arguments).map(Self.quote).joined(separator: " ")
    }

    static func quote(_ word: String) -> String {
        let plain = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+@%~")
        if !word.isEmpty, word.unicodeScalars.allSatisfy(plain.contains) { return word }
        return "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }

    /// Variables with which tar, patch, xz, a shell and a compiler do something else than their arguments say.
    static let neverInherited = [
        "TAR_OPTIONS", "POSIXLY_CORRECT", "PATCH_GET", "VERSION_CONTROL", "SIMPLE_BACKUP_SUFFIX", "XZ_OPT", "XZ_DEFAULTS", "GZIP", "BASH_ENV", "ENV",
        "CDPATH", "GREP_OPTIONS", "CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "DEPENDENCIES_OUTPUT",
        "SUNPRO_DEPENDENCIES",
    ]

    /// util-linux's setpriv, for `--pdeathsig`; nil where it is not installed.
    static let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].first(where: FileManager.default.isExecutableFile(atPath:))

    /// - Throws: `SubprocessError` where the program is not in PATH: setpriv would tell it by its status only.
    private func configuration() async throws(SubprocessError) -> Configuration {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))]
        var words = prefix + [program] + arguments
        if let parentDeathSignal, let setpriv = Self.setpriv {
            if !words[0].contains("/") { words[0] = try await Executable.name(words[0]).resolveExecutablePath(in: variables).string }
            if FileManager.default.isExecutableFile(atPath: place(of: words[0])) {
                words = [setpriv, "--pdeathsig", parentDeathSignal, "--"] + words
            }
        }
        return Configuration(
            executable: words[0].contains("/") ? .path(SystemPackage.FilePath(words[0])) : .name(words[0]),
            arguments: Arguments(Array(words.dropFirst())), environment: variables,
            workingDirectory: directory.map { SystemPackage.FilePath($0) }, platformOptions: options)
    }

    /// The path from here of a program whose path is relative to the command's working directory.
    private func place(of path: String) -> String {
        guard let directory, !path.hasPrefix("/") else { return path }
        return directory + "/" + path
    }

    private var variables: Environment {
        func keyed<Value>(_ variables: [String: Value]) -> [Environment.Key: Value] {
            Dictionary(variables.compactMap { name, value in Environment.Key(rawValue: name).map { ($0, value) } }) { $1 }
        }
        let added = ["LC_ALL": "C"].merging(environment) { $1 }
        if let inherited { return .custom(keyed(inherited.merging(added) { $1 })) }
        let removed = Dictionary((Self.neverInherited + unset).map { ($0, String?.none) }) { $1 }
        return .inherit.updating(keyed(removed.merging(added.mapValues(Optional.some)) { $1 }))
    }

    /// Runs to the end with standard output captured (at most 64 MiB), standard error in the error's evidence.
    ///
    /// - Throws: `HarnessError` of `kind` where it cannot be started or ends in anything but 0.
    @discardableResult
    public func output(orThrow kind: HarnessError.Kind = .harness) async throws -> String {
        String(decoding: try await bytes(orThrow: kind), as: UTF8.self)
    }

    /// The same as bytes: a file's name need not be UTF-8.
    ///
    /// - Parameter accepted: the statuses that are no error.
    func bytes(orThrow kind: HarnessError.Kind = .harness, accepting accepted: Set<Int32> = [0]) async throws -> [UInt8] {
        let limits: (BytesOutput, StringOutput<UTF8>) = (.bytes(limit: 64 << 20), .string(limit: 1 << 20))
        let result = try await spawned(kind) { watch in
            if let inputBytes {
                return try await Subprocess.run(try await configuration(), input: .array(inputBytes), output: limits.0, error: limits.1) {
                    watch.begin($0.processIdentifier.value)
                }
            }
            guard let input else {
                return try await Subprocess.run(try await configuration(), input: .none, output: limits.0, error: limits.1) {
                    watch.begin($0.processIdentifier.value)
                }
            }
            let descriptor = try FileDescriptor.open(SystemPackage.FilePath(input), .readOnly, options: .closeOnExec)
            defer { try? descriptor.close() }
            return try await Subprocess.run(
                try await configuration(), input: .fileDescriptor(descriptor, closeAfterSpawningProcess: false), output: limits.0, error: limits.1
            ) { watch.begin($0.processIdentifier.value) }
        }
        try Task.checkCancellation()
        guard case .exited(let code) = result.terminationStatus, accepted.contains(code) else {
            throw failure(kind, result.terminationStatus, tail: result.standardError)
        }
        return result.standardOutput
    }

    /// Runs to the end with both outputs appended to `log`.
    ///
    /// - Throws: `HarnessError` whose evidence is the last lines of the output.
    public func run(log: String, orThrow kind: HarnessError.Kind = .harness) async throws {
        let start = FileStatus(log)?.size ?? 0
        let status = try await status(log: log, orThrow: kind)
        guard status.isSuccess else { throw failure(kind, status, tail: Files.text(log, from: start)) }
    }

    /// Runs to the end, whatever its status, with both outputs appended to `log`.
    ///
    /// - Throws: `HarnessError` of `kind` where it cannot be started.
    func status(log: String, orThrow kind: HarnessError.Kind = .harness) async throws -> TerminationStatus {
        let descriptor = try FileDescriptor.open(
            SystemPackage.FilePath(log), .writeOnly, options: [.create, .append, .closeOnExec],
            permissions: [.ownerReadWrite, .groupRead, .otherRead])
        defer { try? descriptor.close() }
        _ = try? descriptor.writeAll(Array("$ \(line)\n".utf8))
        let result = try await spawned(kind) { watch in
            try await Subprocess.run(
                try await configuration(), input: .none, output: .fileDescriptor(descriptor, closeAfterSpawningProcess: false),
                error: .fileDescriptor(descriptor, closeAfterSpawningProcess: false)
            ) { watch.begin($0.processIdentifier.value) }
        }
        try Task.checkCancellation()
        return result.terminationStatus
    }

    /// - Throws: `HarnessError` where it cannot be started, and where another process stopped it.
    private func spawned<Value>(_ kind: HarnessError.Kind, _ body: (StopWatch) async throws -> Value) async throws -> Value {
        let watch = StopWatch()
        defer { watch.end() }
        let value: Value
        do {
            value = try await body(watch)
        } catch let error as SubprocessError {
            throw HarnessError(kind, "cannot start \(program): \(error)", hint: "`ppiov doctor` lists what is missing and how to get it")
        }
        watch.end()
        guard let stopped = watch.stopped else { return value }
        throw HarnessError(
            .harness, "`\(line)` was stopped and did not continue, so it was ended: \(stopped)",
            hint: "SIGSTOP stops a process, and SIGTTIN one that reads the terminal, a password for instance; run it by itself, then run again")
    }

    func failure(_ kind: HarnessError.Kind, _ status: TerminationStatus, tail: String) -> HarnessError {
        let lines = tail.filledLines.suffix(20).map(String.init)
        if lines.contains(where: Files.isFull) { return Files.full("run `\(line)`", evidence: lines) }
        return HarnessError(kind, "`\(line)` ended with \(status)", evidence: lines, cause: .toolFailed)
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// The executable under test.
enum Product {
    /// Its path; `needsProduct` skips the tests where there is none.
    static var path: String { UnderTest.program ?? "" }

    /// Ends a test that hangs; a run that works needs much less.
    static let timeout = Duration.seconds(180)

    /// Runs `ppiov` with `arguments` to its end, in the fresh folder `scratch`, and checks that no process and no file of it is left.
    ///
    /// - Parameters:
    ///   - environment: added to the test's.
    ///   - prefix: a program, with its arguments, that starts ppiov.
    ///   - tidy: no process and no file of it may be left; false only where it is killed by SIGKILL.
    ///   - during: called while it runs.
    /// - Throws: `ConditionTimeout` where it does not end in time; it is killed then.
    static func run(
        _ arguments: [String], in scratch: TemporaryFolder, environment: [String: String] = [:], prefix: [String] = [], limit: Duration = timeout,
        tidy: Bool = true, during: @escaping @Sendable (Running) async throws -> Void = { _ in }
    ) async throws -> Outcome {
        let running = try Running(scratch)
        defer { running.close() }
        let configuration = configuration(prefix + [path] + arguments, running, environment)
        let status = try await withThrowingTaskGroup(of: TerminationStatus?.self) { group in
            group.addTask {
                let result = try await Subprocess.run(
                    configuration, input: .none, output: .fileDescriptor(running.output, closeAfterSpawningProcess: false),
                    error: .fileDescriptor(running.errors, closeAfterSpawningProcess: false)
                ) { execution in
                    try await during(running.started(execution.processIdentifier.value))
                }
                return result.terminationStatus
            }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            let first = try await group.next() ?? nil
            group.cancelAll()
            return first
        }
        guard let status else {
            throw ConditionTimeout("ppiov \(arguments.joined(separator: " ")) did not end within \(limit); it printed:\n\(running.errorText)")
        }
        let outcome = Outcome(status: status, output: running.outputText, errors: running.errorText)
        guard tidy else { return outcome }
        #expect(Processes.marked(running.mark) == [], "processes are left of ppiov \(arguments.joined(separator: " "))")
        #expect(running.leftFiles == [], "files are left of ppiov \(arguments.joined(separator: " "))")
        return outcome
    }

    /// `ppiov run` of the kernel of `UnderTest`, with results in `scratch.results`.
    static func run(
        filter: String, _ arguments: [String] = [], in scratch: TemporaryFolder, environment: [String: String] = [:], prefix: [String] = [],
        tidy: Bool = true, during: @escaping @Sendable (Running) async throws -> Void = { _ in }
    ) async throws -> Outcome {
        let words = ["run", "--kernel", UnderTest.kernel, "--filter", filter, "--out", scratch.results] + arguments
        return try await run(words, in: scratch, environment: environment, prefix: prefix, tidy: tidy, during: during)
    }

    private static func configuration(_ words: [String], _ running: Running, _ environment: [String: String]) -> Configuration {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(5))]
        var extra: [Environment.Key: String?] = [:]
        for (key, value) in running.environment.merging(environment, uniquingKeysWith: { $1 }) {
            if let key = Environment.Key(rawValue: key) { extra[key] = value }
        }
        return Configuration(
            executable: words[0].contains("/") ? .path(SystemPackage.FilePath(words[0])) : .name(words[0]),
            arguments: Arguments(Array(words.dropFirst())), environment: .inherit.updating(extra),
            workingDirectory: SystemPackage.FilePath(running.scratch.path), platformOptions: options)
    }
}

/// The outcome of a `ppiov` that has ended.
struct Outcome: Sendable {
    var status: TerminationStatus
    var output: String
    var errors: String

    /// The exit code; nil where a signal ended it.
    var code: Int32? { if case .exited(let code) = status { Int32(code) } else { nil } }

    /// The signal that ended it; nil where it ended by itself.
    var signal: Int32? { if case .signaled(let signal) = status { Int32(signal) } else { nil } }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Ends every command at many moments by signals, counts what is left, and prints the tables of docs/endings.md.
    ///
    /// It takes an hour: PPIOV_ENDINGS, the number of moments, asks for it.
    @Suite(.enabled(if: UnderTest.moments != nil, "PPIOV_ENDINGS is not set: the tables of docs/endings.md take an hour")) struct Endings {
        private static let names = [(SIGHUP, "SIGHUP"), (SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGKILL, "SIGKILL")]
        private static let bench = Task { try await EndingBench() }

        @Test(arguments: EndedCommand.allCases) func byASignal(_ command: EndedCommand) async throws {
            let seconds = try await Self.bench.value.duration(command)
            for (signal, name) in Self.names {
                let runs = try await runs(command, seconds, signal, children: false)
                print(row(command, name, runs))
                for run in runs.compactMap(\.self) {
                    let allowed = signal == SIGKILL ? [-9] : command.isInterrupted ? [130] : [-Int(signal), 0]
                    #expect(allowed.contains(run.status), "\(command.rawValue), \(name): \(run)")
                    #expect(run.processes.isEmpty && run.locks.isEmpty && run.later.isEmpty, "\(command.rawValue), \(name): \(run)")
                    #expect(signal == SIGKILL || run.files.isEmpty, "\(command.rawValue), \(name): \(run)")
                }
            }
        }

        /// QEMU or make is ended, or stopped: the command never ends with a verdict that it could not find.
        @Test(arguments: EndedCommand.allCases.filter(\.hasChildren)) func ofItsChildren(_ command: EndedCommand) async throws {
            let seconds = try await Self.bench.value.duration(command)
            for (signal, name) in [(SIGKILL, "SIGKILL"), (SIGSTOP, "SIGSTOP")] {
                let runs = try await runs(command, seconds, signal, children: true)
                print(row(command, name + " of QEMU or make", runs))
                for run in runs.compactMap(\.self) {
                    #expect([0, 1, 3].contains(run.status) && run.seconds < 60, "\(command.rawValue), \(name): \(run)")
                    #expect(run.processes.isEmpty && run.locks.isEmpty && run.files.isEmpty, "\(command.rawValue), \(name): \(run)")
                }
            }
        }

        /// Two commands at a time, each at its moment; nil for one that had ended before.
        private func runs(_ command: EndedCommand, _ duration: Duration, _ signal: Int32, children: Bool) async throws -> [EndedRun?] {
            let bench = try await Self.bench.value
            let moments = UnderTest.moments ?? 0
            return try await withThrowingTaskGroup(of: EndedRun?.self) { group in
                var runs: [EndedRun?] = []
                for number in 0..<moments {
                    if number >= 2, let run = try await group.next() { runs.append(run) }
                    group.addTask {
                        try await bench.ended(command, at: duration * (Double(number) + 0.5) / Double(moments), by: signal, children: children)
                    }
                }
                for try await run in group { runs.append(run) }
                return runs
            }
        }

        private func row(_ command: EndedCommand, _ signal: String, _ runs: [EndedRun?]) -> String {
            let sent = runs.compactMap(\.self)
            let counts = Dictionary(grouping: sent, by: \.status).mapValues(\.count).sorted { $0.key < $1.key }
            let codes = counts.map { counts.count > 1 ? "\($0.key) (\($0.value))" : "\($0.key)" }.joined(separator: ", ")
            let left = [
                ("processes", sent.flatMap(\.processes)), ("files", sent.flatMap(\.files)), ("locks", sent.flatMap(\.locks)),
                ("after the next start", sent.flatMap(\.later)),
            ].filter { !$0.1.isEmpty }.map { "\($0.0) \($0.1.count)" }.joined(separator: "; ")
            let longest = String(format: "%.1f", sent.map(\.seconds).max() ?? 0)
            return "| `\(command.rawValue)` | \(signal) | \(sent.count) of \(runs.count) | \(codes.isEmpty ? "-" : codes) | \(longest) | "
                + "\(left.isEmpty ? "none" : left) |"
        }
    }
}

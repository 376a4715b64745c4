// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Synchronization

/// Ends a process group of which a process was stopped (SIGSTOP, or SIGTTIN where it reads the terminal) and does not continue: it would be
/// waited for without end.
final class StopWatch: Sendable {
    /// Time between two looks. Two looks in a row that find the same decide, so that this process may be stopped and continued with the others.
    static let interval = Duration.seconds(5)

    /// What was found at the look before.
    struct Looks {
        private var before: String?

        /// The process that was found stopped at two looks in a row; nil where there is none.
        ///
        /// - Parameter now: the process that is stopped now, or nil.
        mutating func decide(_ now: String?) -> String? {
            defer { before = now }
            return now == before ? now : nil
        }
    }

    private struct State {
        var looks: Task<Void, Never>?
        var hasEnded = false
        var stopped: String?
    }

    private let state = Mutex(State())

    /// The process that was stopped, by name and id; nil where none was.
    var stopped: String? { state.withLock { $0.stopped } }

    /// Begins to look at a process group. Its leader is a child that is not reaped before `end` is called.
    func begin(_ group: Int32, interval: Duration = interval) { begin(interval, ends: -group) { Self.stoppedProcess { $1 == group } } }

    /// Begins to look at one process.
    func begin(process: Int32, interval: Duration = interval) {
        begin(interval, ends: process) { Self.stoppedProcess { id, _ in id == process } }
    }

    private func begin(_ interval: Duration, ends target: Int32, _ look: @escaping @Sendable () -> String?) {
        let looks = Task { [weak self] in
            var looks = Looks()
            while true {
                do { try await Task.sleep(for: interval) } catch { return }
                guard let self else { return }
                if let stopped = looks.decide(look()) { return self.found(stopped, target) }
            }
        }
        state.withLock { state in
            if state.hasEnded { looks.cancel() } else { state.looks = looks }
        }
    }

    private func found(_ process: String, _ target: Int32) {
        state.withLock { state in
            guard !state.hasEnded else { return }
            state.stopped = process
            kill(target, SIGKILL)
        }
    }

    /// To be called when the process has ended.
    func end() {
        state.withLock { state in
            state.hasEnded = true
            state.looks?.cancel()
            state.looks = nil
        }
    }

    /// The first stopped process, as "make (process 123)"; nil where there is none. A process that a debugger stopped is none.
    ///
    /// - Parameter isWatched: whether a process, by its id and that of its group, is looked at.
    private static func stoppedProcess(_ isWatched: (Int32, Int32) -> Bool) -> String? {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let id = Int32(name), let bytes = FileManager.default.contents(atPath: "/proc/\(name)/stat") else { continue }
            // "ID (NAME) STATE PARENT GROUP ...": a name may have parentheses and spaces in it.
            guard let open = bytes.firstIndex(of: UInt8(ascii: "(")), let close = bytes.lastIndex(of: UInt8(ascii: ")")) else { continue }
            let fields = bytes[(close + 1)...].split(separator: UInt8(ascii: " "))
            guard fields.count > 2, fields[0].elementsEqual([UInt8(ascii: "T")]), let group = Int32(String(decoding: fields[2], as: UTF8.self)),
                isWatched(id, group)
            else { continue }
            return "\(String(decoding: bytes[(open + 1)..<close], as: UTF8.self)) (process \(id))"
        }
        return nil
    }
}

// SPDX-License-Identifier: GPL-2.0

import Synchronization

/// The newest lines of a stream.
final class RecentLines: Sendable {
    private let limit: Int
    private let lines = Mutex<[String]>([])

    /// - Parameter limit: how many lines are held.
    init(_ limit: Int) { self.limit = limit }

    /// Reads to the end of the stream, or until the task is cancelled.
    func read(_ stream: BoundedQueue<GuestLine>) async {
        for await line in stream {
            lines.withLock { lines in
                lines.append(line.text)
                if lines.count > limit { lines.removeFirst() }
            }
        }
    }

    /// The lines with the reason why a boot failed: from 3 lines before a panic or an error of init on, or the last ones; 25 at most.
    var bootFailure: [String] {
        let lines = lines.withLock { $0 }
        guard let failure = lines.firstIndex(where: { $0.contains("Kernel panic") || $0.contains("ppiov-init: ") }) else { return lines.suffix(25) }
        return Array(lines[max(0, failure - 3)...].prefix(25))
    }
}

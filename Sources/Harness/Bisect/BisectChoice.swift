// SPDX-License-Identifier: GPL-2.0

/// Commits that may be the culprit, in a line.
struct BisectRange: Sendable, Equatable {
    /// Newest first, the known bad one among them.
    var commits: [String]
    /// The commit to test next, then the next best: those that halve the range, first.
    var best: [String]

    /// Which to test next; nil where none can be: the culprit is known, or all that are left were skipped.
    ///
    /// What does not build is seldom alone: a commit away from those that were skipped is taken first.
    func choice(bad: String, skipped: Set<String>) -> String? {
        let open = best.filter { $0 != bad && !skipped.contains($0) }
        guard !open.isEmpty else { return nil }
        var places: [String: Int] = [:]
        for (place, commit) in commits.enumerated() { places[commit] = place }
        let taken = skipped.compactMap { places[$0] }
        var gap = taken.isEmpty ? 0 : commits.count / 8
        while gap > 0 {
            let far = open.first { commit in
                guard let place = places[commit] else { return false }
                return taken.allSatisfy { abs($0 - place) > gap }
            }
            if let far { return far }
            gap /= 2
        }
        return open.first
    }

    /// Steps that are left, at the best.
    var stepsLeft: Int {
        var (left, steps) = (commits.count, 0)
        while left > 1 {
            left = (left + 1) / 2
            steps += 1
        }
        return steps
    }
}

// SPDX-License-Identifier: GPL-2.0

/// Commits that may be the culprit.
struct BisectRange: Sendable, Equatable {
    /// Newest first, the known bad one among them.
    var commits: [String]
    /// The commits to test, the best first: one that halves the range.
    var best: [String]

    /// The commit to test next; nil where there is none: the culprit is known, or all remaining commits were skipped.
    ///
    /// Commits next to one that does not build mostly do not build either, so a commit at a distance from skipped ones is preferred.
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

    /// The least number of steps that are left.
    var stepsLeft: Int {
        var (left, steps) = (commits.count, 0)
        while left > 1 {
            left = (left + 1) / 2
            steps += 1
        }
        return steps
    }
}

// SPDX-License-Identifier: GPL-2.0

internal import LifeCycle
internal import Results

/// A scenario whose id was changed: `--filter` with the old id takes the scenario of the new one.
public struct RenamedScenario: Sendable, Equatable, CustomStringConvertible {
    public let old: String
    public let new: String

    /// One line for a user whose pattern has the old id.
    public var description: String { "\(old) is now \(new)" }

    /// Those whose old id matches a shell glob; for a "soak." id, the same sequence in the present names of its moves.
    public static func matching(_ pattern: String) -> [RenamedScenario] {
        if pattern.hasPrefix(MoveSequence.prefix) {
            let new = translated(pattern, by: Move.formerWords)
            return new != pattern && MoveSequenceScenario.named(new) != nil ? [RenamedScenario(old: pattern, new: new)] : []
        }
        return all.filter { Glob.matches(pattern, $0.old) }
    }

    /// Every id that was changed, but for those of "soak.". CHANGELOG.md has the same table.
    public static let all: [RenamedScenario] =
        String(decoding: PackageResources.renamed_0_2_txt, as: UTF8.self).split(separator: "\n").map { line in
            let words = line.split(separator: " ")
            return RenamedScenario(old: String(words[0]), new: String(words[words.count - 1]))
        } + teardown

    /// The endings of the teardown matrix that were renamed with their moves.
    private static let teardown: [RenamedScenario] = TeardownFamily.family.scenarios.compactMap { scenario in
        let formerWords = Dictionary(uniqueKeysWithValues: Move.formerWords.map { ($1, $0) })
        let old = translated(scenario.id, by: formerWords)
        return old == scenario.id ? nil : RenamedScenario(old: old, new: scenario.id)
    }

    /// An id with the moves of its last part replaced.
    private static func translated(_ id: String, by words: [String: String]) -> String {
        var parts = id.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard let moves = parts.popLast() else { return id }
        parts.append(moves.split(separator: "-", omittingEmptySubsequences: false).map { words[String($0)] ?? String($0) }.joined(separator: "-"))
        return parts.joined(separator: ".")
    }
}

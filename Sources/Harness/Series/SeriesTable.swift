// SPDX-License-Identifier: GPL-2.0

public import Results

/// The whole table, `series.json` in the results folder.
public struct SeriesTable: Codable, Sendable, Equatable {
    /// Version of this schema.
    public static let currentSchema = 1

    /// The first patch that breaks something.
    public struct Culprit: Codable, Sendable, Equatable {
        public var number: Int
        public var subject: String
        public var what: String
    }

    public var schemaVersion = Self.currentSchema
    public var toolVersion: String
    /// The unpatched source.
    public var source: String
    /// The source without the series, then after each patch.
    public var patches: [PatchResult]
    /// nil where no patch breaks anything.
    public var firstToBreak: Culprit?

    init(source: String, _ patches: [PatchResult]) {
        toolVersion = ToolVersion.current
        self.source = source
        self.patches = patches
        for (before, patch) in zip(patches, patches.dropFirst()) {
            guard let what = patch.breaks(after: before) else { continue }
            firstToBreak = Culprit(number: patch.number, subject: patch.subject, what: what)
            break
        }
    }

    /// 0 where every patch is good, 1 where one is not or breaks something, 4 where no scenario passed or failed.
    public var exitCode: ExitCode {
        let patches = patches.filter { $0.number > 0 }
        if firstToBreak != nil || patches.contains(where: { !$0.isGood }) { return .failed }
        return patches.contains { $0.verdict == .passed } ? .passed : .nothingRan
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation

/// One commit or patch, for the reader.
public struct BisectCommit: Codable, Sendable, Equatable {
    /// A commit's hash, or a patch's number.
    public var id: String
    public var subject: String
    /// "Name <address>".
    public var author: String
    public var date: String

    /// The id as it is printed.
    public var short: String { id.utf8.count >= 40 ? String(id.prefix(12)) : id }
}

/// A history that is searched for a culprit.
protocol BisectHistory: Sendable {
    /// The possible culprits where `bad` is bad and `good` are not.
    func range(bad: String, good: [String]) async throws -> BisectRange
    /// The commits of the range after `good` that `commit` contains.
    func contained(in commit: String, good: String) async throws -> Set<String>
    func describe(_ commit: String) async throws -> BisectCommit
    /// The kernel's source at that commit.
    func source(_ commit: String) async throws -> ResolvedSource
    /// Keys of the kernels that are searched, except commits, whose hashes are keys: a search that is resumed needs the same.
    func marks() async throws -> [String]
    /// The same history, after the files that reproduce a commit are written to a folder.
    func kept(in folder: String) throws -> any BisectHistory
    /// The arguments of `ppiov run` that name the commit.
    func words(_ commit: String) -> [String]
}

/// The patches of a series: "0" is the source itself, "3" the source after the third patch.
struct SeriesHistory: BisectHistory {
    let source: SeriesSource
    /// Of the unpatched source.
    private let kernel: KernelRequest
    /// The files of the patches; empty before `kept(in:)`.
    private var files: [String] = []

    init(source: SeriesSource, kernel: KernelRequest) {
        self.source = source
        self.kernel = kernel
    }

    func range(bad: String, good: [String]) async throws -> BisectRange {
        guard let bad = Int(bad), let good = good.compactMap({ Int($0) }).max(), good < bad else { return BisectRange(commits: [], best: []) }
        return Self.range(good: good, bad: bad)
    }

    /// The patches after `good`, up to `bad`.
    static func range(good: Int, bad: Int) -> BisectRange {
        let numbers = Array((good + 1)...bad)
        // A test of n decides on the patches up to n.
        let best = numbers.sorted { (min($0 - good, bad - $0), $1) > (min($1 - good, bad - $1), $0) }
        return BisectRange(commits: numbers.reversed().map(String.init), best: best.map(String.init))
    }

    func contained(in commit: String, good: String) async throws -> Set<String> {
        guard let commit = Int(commit), let good = Int(good), good < commit else { return [] }
        return Set(((good + 1)...commit).map(String.init))
    }

    func describe(_ commit: String) async throws -> BisectCommit {
        guard let number = Int(commit), number > 0, number <= source.series.patches.count else {
            return BisectCommit(id: commit, subject: "(without the series)", author: "", date: "")
        }
        let patch = source.series.patches[number - 1]
        return BisectCommit(id: commit, subject: patch.subject, author: patch.author ?? "", date: patch.date ?? "")
    }

    func source(_ commit: String) async throws -> ResolvedSource { try source.source(after: Int(commit) ?? 0) }

    func marks() async throws -> [String] { try (0...source.series.patches.count).map { try source.source(after: $0).identity } }

    func kept(in folder: String) throws -> any BisectHistory {
        var history = self
        try Files.makeFolder(folder + "/patches")
        history.files = try source.series.patches.enumerated().map { index, patch in
            let file = folder + String(format: "/patches/%04d.patch", index + 1)
            try Files.write(Data("# \(patch.subject)\n".utf8) + Data(patch.diff), to: file)
            return file
        }
        return history
    }

    func words(_ commit: String) -> [String] {
        kernel.words + files.prefix(Int(commit) ?? 0).flatMap { ["--series", $0] }
    }
}

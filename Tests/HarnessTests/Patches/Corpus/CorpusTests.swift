// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

/// Mails and series of every shape, read by ppiov and by `git am`: the same tree, or a reason.
@Suite struct CorpusTests {
    /// A row of the table in docs/series.md.
    private struct Row {
        var count = 0
        var outcomes: Set<String> = []
    }

    private static let begin = "<!-- corpus:begin -->"
    private static let end = "<!-- corpus:end -->"

    /// It starts git some thousand times: `scripts/check` leaves it out, and `scripts/test` has it.
    @Test(.enabled(if: UnderTest.program != nil, "PPIOV_BIN is not set: scripts/test runs it"))
    func everyShapeIsReadAsGitReadsItOrRefusedWithAReason() async throws {
        let git = try await CorpusGit()
        var builder = CorpusBuilder()
        builder.addMails()
        try await builder.addDiffs(git)
        builder.addSeries()
        let cases = builder.cases
        #expect(cases.count >= 200)
        let scratch = try TemporaryFolder()
        let runs = try cases.enumerated().map {
            try CorpusRun($0.element, in: scratch.path + "/\($0.offset)")
        }
        var faults: [String] = []
        try await withThrowingTaskGroup(of: Void.self) { group in
            // git is started by a shell: to start it from a large process takes longer than what it does.
            for part in 0..<2 {
                group.addTask {
                    try await CorpusRun.runGit(runs.indices.filter { $0 % 2 == part }.map { runs[$0] }, git)
                }
            }
            try await group.waitForAll()
        }
        try await withThrowingTaskGroup(of: String?.self) { group in
            var rest = runs[...]
            func next() {
                guard let run = rest.popFirst() else { return }
                group.addTask { try await run.fault() }
            }
            for _ in 0..<4 { next() }
            while let fault = try await group.next() {
                if let fault { faults.append(fault) }
                next()
            }
        }
        for fault in faults.sorted() { Issue.record("\(fault)") }
        let table = Self.table(cases)
        print(table)
        let document = try Repository.text("docs/series.md")
        let parts = document.components(separatedBy: Self.begin + "\n").last?.components(
            separatedBy: Self.end
        ).first
        #expect(parts == table, "docs/series.md has another table; it is printed above")
    }

    private static func table(_ cases: [CorpusCase]) -> String {
        var shapes: [String] = []
        var rows: [String: Row] = [:]
        for one in cases {
            if rows[one.shape] == nil { shapes.append(one.shape) }
            rows[one.shape, default: Row()].count += 1
            rows[one.shape, default: Row()].outcomes.insert(one.outcome.title)
        }
        var lines = ["| Shape | Inputs | `git am` and ppiov |", "| --- | --- | --- |"]
        for shape in shapes {
            guard let row = rows[shape] else { continue }
            lines.append(
                "| \(shape.replacingOccurrences(of: "|", with: "\\|")) | \(row.count) | \(row.outcomes.sorted().joined(separator: "; ")) |"
            )
        }
        func count(_ kind: (CorpusCase.Outcome) -> Bool) -> Int { cases.count { kind($0.outcome) } }
        let agree = count {
            if case .agree = $0 { true } else if case .agreeNoted = $0 { true } else { false }
        }
        let both = count { if case .bothRefuse = $0 { true } else { false } }
        let refused = count { if case .refused = $0 { true } else { false } }
        let stops = count { if case .gitStops = $0 { true } else { false } }
        lines.append(
            "| all | \(cases.count) | the same tree: \(agree); neither applies it: \(both); ppiov alone refuses: \(refused); git alone stops: \(stops) |"
        )
        return lines.joined(separator: "\n") + "\n"
    }
}

extension CorpusCase.Outcome {
    /// For the table.
    var title: String {
        switch self {
        case .agree: "the same tree"
        case .agreeNoted(let note): "the same tree; ppiov notes \"\(note)\""
        case .bothRefuse(let reason): "neither applies it; ppiov: \"\(reason)\""
        case .refused(let reason): "differ: ppiov refuses, \"\(reason)\""
        case .gitStops(let note): "differ: git stops; ppiov notes \"\(note)\""
        }
    }
}

/// One case, read by both.
private struct CorpusRun {
    private let one: CorpusCase
    private let folder: String

    init(_ one: CorpusCase, in folder: String) throws {
        (self.one, self.folder) = (one, folder)
        for (path, bytes) in one.files {
            let target = folder + "/in/" + path
            try Files.makeFolder((target as NSString).deletingLastPathComponent)
            try Data(bytes).write(to: URL(fileURLWithPath: target))
        }
    }

    /// Reads the cases with git, each in a copy of the repository.
    static func runGit(_ runs: [CorpusRun], _ git: CorpusGit) async throws {
        guard let first = runs.first else { return }
        var script =
            "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b\n"
        for run in runs {
            let paths = (run.one.gitPaths ?? run.one.paths).map { run.folder + "/in/" + $0 }
            let words: [String] =
                switch run.one.reference {
                case .am(let options): ["am", "-q"] + options
                case .apply(let options): ["apply"] + options
                }
            let line = Command(
                "git", ["-c", "core.autocrlf=false", "-c", "maintenance.auto=false"] + words + paths
            ).line
            script +=
                "cp -r \(git.repository) \(run.folder)/git && cd \(run.folder)/git\n\(line) > ../output 2>&1 < /dev/null; echo $? > ../status\n"
        }
        let file = first.folder + "/script"
        try Files.write(script, to: file)
        var command = GitTree.isolated([file])
        command.program = "sh"
        try await command.output()
    }

    /// What is not as the case states it; nil where all is.
    func fault() async throws -> String? {
        let reference = try treeOfGit()
        let (tree, notes, refusal) = try await readByPpiov()
        let title = "\(one.shape): \(one.name)"
        func reason(_ text: String) -> String? {
            guard let refusal else { return "\(title): ppiov applies it" }
            guard refusal.kind == .input else { return "\(title): ppiov ends with \(refusal)" }
            return refusal.description.contains(text)
                ? nil : "\(title): ppiov says another reason than \"\(text)\": \(refusal)"
        }
        func same() -> String? {
            if let refusal { return "\(title): ppiov refuses: \(refusal)" }
            return tree == one.expected ? nil : "\(title): ppiov makes another tree"
        }
        func noted(_ text: String) -> String? {
            notes.contains { $0.contains(text) } ? nil : "\(title): no note has \"\(text)\": \(notes)"
        }
        switch one.outcome {
        case .agree:
            if reference.tree != one.expected {
                return "\(title): git makes another tree: \(reference.output)"
            }
            return same()
        case .agreeNoted(let note):
            if reference.tree != one.expected {
                return "\(title): git makes another tree: \(reference.output)"
            }
            return same() ?? noted(note)
        case .bothRefuse(let text):
            return reference.tree != nil ? "\(title): git applies it" : reason(text)
        case .refused(let text):
            return reference.tree == nil
                ? "\(title): git stops as well: \(reference.output)" : reason(text)
        case .gitStops(let note):
            return reference.tree != nil && reference.tree == one.expected
                ? "\(title): git applies it" : same() ?? noted(note)
        }
    }

    /// The tree after `git am`; nil where it stops.
    private func treeOfGit() throws -> (tree: CorpusTree?, output: String) {
        let status = try #require(Files.text(folder + "/status"))
        return (
            status == "0\n" ? try CorpusTree(folder: folder + "/git") : nil,
            Files.text(folder + "/output") ?? ""
        )
    }

    private func readByPpiov() async throws -> (
        tree: CorpusTree, notes: [String], refusal: HarnessError?
    ) {
        let base = folder + "/base"
        try CorpusTree.base.write(to: base)
        var tree = CorpusTree.base
        do {
            let series = try await SeriesReader(cache: Cache(root: folder + "/cache")).read(
                one.paths.map { folder + "/in/" + $0 })
            let repository = try await SeriesRepository(
                in: folder + "/place", base: base, name: "THE TREE", objects: nil)
            let applied = try await repository.apply(series)
            for (path, file) in applied.overlay(after: series.patches.count)?.files ?? [:] {
                tree.entries[path] = file.flatMap { CorpusTree.entry($0.path) }
            }
            return (tree, series.notes, nil)
        } catch let error as HarnessError {
            return (tree, [], error)
        }
    }
}

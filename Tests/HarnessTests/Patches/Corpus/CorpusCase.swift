// SPDX-License-Identifier: GPL-2.0

import Foundation
import LifeCycle
import TestSupport

@testable import Harness

/// One input of the corpus, and what is right for it.
struct CorpusCase: Sendable {
    /// What git and ppiov do with it.
    enum Outcome: Sendable, Equatable {
        /// Both apply it, and the trees are the same.
        case agree
        /// As `agree`, and ppiov has a note with this text.
        case agreeNoted(String)
        /// Neither applies it; ppiov's message or hint has this text.
        case bothRefuse(String)
        /// git would apply it; ppiov refuses it with this text in its message or hint.
        case refused(String)
        /// git stops; ppiov applies what the author meant, with this text in a note.
        case gitStops(String)
    }

    /// What git reads it with.
    enum Reference: Sendable {
        case am(options: [String])
        case apply(options: [String])
    }

    var shape: String
    var name: String
    var files: [(path: String, bytes: [UInt8])]
    /// What is given to ppiov, relative to the folder of the files.
    var paths: [String]
    /// What is given to git; nil for the same.
    var gitPaths: [String]?
    var reference = Reference.am(options: [])
    var outcome: Outcome
    /// After it, where it is applied.
    var expected: CorpusTree
}

/// Collects the cases. The same seed gives the same bytes.
struct CorpusBuilder {
    var cases: [CorpusCase] = []
    var random = SeededGenerator(seed: 27)

    /// A word that is in no other line.
    mutating func word() -> String { "w" + String(random.next() % 1_000_000) }

    mutating func line() -> Int { Int.random(in: 4...36, using: &random) }

    /// An edit of a random line.
    mutating func edit(_ tree: inout CorpusTree, _ path: String = "net/core/x.c") -> [UInt8] { tree.edit(path, line(), "\t/* \(word()) */") }

    /// A case of one file.
    mutating func add(
        _ shape: String, _ name: String, _ bytes: [UInt8], _ outcome: CorpusCase.Outcome, _ expected: CorpusTree, file: String = "s.mbox",
        reference: CorpusCase.Reference = .am(options: [])
    ) {
        cases.append(
            CorpusCase(
                shape: shape, name: name, files: [(file, bytes)], paths: [file], reference: reference, outcome: outcome, expected: expected))
    }

    /// A case of one mail with an edit.
    mutating func add(
        _ shape: String, _ name: String, _ outcome: CorpusCase.Outcome, subject: String = "[PATCH] x: change", _ change: (inout CorpusMail) -> Void
    ) {
        var tree = CorpusTree.base
        var mail = CorpusMail(subject, edit(&tree))
        change(&mail)
        add(shape, name, mail.bytes, outcome, tree)
    }

    /// Two patches, one after the other, of two files: they apply in both orders.
    mutating func pair() -> (first: [UInt8], second: [UInt8], tree: CorpusTree) {
        var tree = CorpusTree.base
        let first = edit(&tree, "net/core/x.c")
        let second = edit(&tree, "io_uring/z.c")
        return (first, second, tree)
    }

    /// Two patches of which the second needs the first.
    mutating func chain() -> (first: [UInt8], second: [UInt8], tree: CorpusTree) {
        var tree = CorpusTree.base
        let line = line()
        let first = tree.edit("net/core/x.c", line, "\t/* \(word()) */")
        let second = tree.edit("net/core/x.c", line, "\t/* \(word()) */")
        return (first, second, tree)
    }
}

/// What git writes for a change of the base tree.
struct CorpusGit: Sendable {
    private let folder: TemporaryFolder

    init() async throws {
        folder = try TemporaryFolder()
        try CorpusTree.base.write(to: folder.path + "/base")
        try await git(["init", "-q", "--template=", "."])
        try await git(["add", "--all", "--force"])
        try await git(["commit", "-q", "-m", "base"])
    }

    /// A repository with the base tree committed, to be copied.
    var repository: String { folder.path + "/base" }

    @discardableResult
    func git(_ arguments: [String], in repository: String? = nil) async throws -> String {
        try await Self.git(arguments, in: repository ?? self.repository)
    }

    @discardableResult
    static func git(_ arguments: [String], in repository: String) async throws -> String {
        var command = GitTree.isolated(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.autocrlf=false", "-c", "gc.auto=0"] + arguments)
        command.directory = repository
        return try await command.output(orThrow: .input)
    }

    /// The diff from the base tree.
    func diff(_ options: [String] = [], _ change: (inout CorpusTree) -> Void) async throws -> (diff: [UInt8], tree: CorpusTree) {
        var tree = CorpusTree.base
        change(&tree)
        let copy = folder.path + "/" + UUID().uuidString
        try Files.copy(repository, to: copy)
        for path in CorpusTree.base.entries.keys { try Files.remove(copy + "/" + path) }
        try tree.write(to: copy)
        try await git(["add", "--all", "--force"], in: copy)
        try await git(["-c", "core.quotePath=true", "diff", "--cached", "--full-index", "--output=" + copy + ".diff"] + options + ["HEAD"], in: copy)
        return (Array(FileManager.default.contents(atPath: copy + ".diff") ?? Data()), tree)
    }
}

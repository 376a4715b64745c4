// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// Reads a git work tree without writing to it: no index refresh, no locks, no hooks, no filters.
///
/// git's own view of the files is not used: its index says "unchanged" for a file that is marked assume-unchanged or skip-worktree, and for one
/// that a filter makes equal to the commit's.
struct GitTree: Sendable {
    var folder: String

    /// nil where the folder is not the top of a work tree.
    init?(_ folder: String) {
        guard FileStatus(folder + "/.git") != nil else { return nil }
        self.folder = folder
    }

    /// - Parameter path: the top folder, as the user gave it.
    /// - Throws: `HarnessError` of kind `.input` where the folder is not the top of a work tree.
    init(required path: String) throws {
        let folder = URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
        guard let tree = GitTree(folder) else {
            throw HarnessError(
                .input, "\(folder) is not a git tree: it has no .git",
                hint: "a commit needs the repository of a kernel: give its top folder with --kernel, or give patches with --series")
        }
        self = tree
    }

    /// git without the user's configuration, and with only the repository in its arguments.
    static func isolated(_ arguments: [String]) -> Command {
        var command = Command(
            "git", arguments, environment: ["GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CEILING_DIRECTORIES": "/"])
        command.unset = GitEnvironment.variables
        return command
    }

    /// git on the tree's repository. It may ask a remote for the objects that a partial clone lacks, and never a terminal.
    func git(_ arguments: [String]) -> Command {
        var command = Command(
            "git",
            ["--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "--git-dir=\(folder)/.git", "--work-tree=\(folder)"]
                + arguments, environment: ["GIT_TERMINAL_PROMPT": "0"], directory: folder)
        command.unset = GitEnvironment.variables
        return command
    }

    /// The output of git.
    ///
    /// - Throws: `HarnessError` of kind `.input`, with what to do where the repository cannot be read.
    func output(_ arguments: [String]) async throws -> [UInt8] {
        do {
            return try await git(arguments).bytes(orThrow: .input)
        } catch let error as HarnessError where error.cause == .toolFailed {
            throw explained(error)
        }
    }

    /// The same, of one line.
    func line(_ arguments: [String]) async throws -> String {
        String(decoding: try await output(arguments), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The error of a git that cannot read the repository, in words.
    func explained(_ error: HarnessError) -> HarnessError {
        var error = error
        let text = error.evidence.joined(separator: "\n")
        if text.holds("dubious ownership") {
            error.message = "git refuses to read the repository of \(folder): it belongs to another user"
            error.hint = "`git config --global --add safe.directory \(folder)` allows it"
        } else if text.holds("not a git repository"), let link = Files.text(folder + "/.git"), let repository = link.divided(at: "gitdir: ")?.after {
            error.message =
                "\(folder) is a work tree whose repository is not there: its .git names \(repository.trimmingCharacters(in: .whitespacesAndNewlines))"
            error.hint = "`git worktree repair` in the repository connects them again; a copy without the file .git is used as a plain folder"
        } else if text.holds("not a git repository") || text.holds("invalid gitfile") {
            error.message = "\(folder)/.git is no repository that git can read"
            error.hint = "a copy of the tree without .git is used as a plain folder"
        } else if Self.namesMissing(text) {
            error.message = "the repository of \(folder) lacks objects that were needed: \(error.message)"
            error.hint = Self.partialHint(folder)
        }
        return error
    }

    /// Whether git's text is about an object that it does not have.
    static func namesMissing(_ text: String) -> Bool {
        ["promisor remote", "could not fetch", "unable to read", "cannot read object", "invalid object"].contains { text.holds($0) }
    }

    /// How a partial clone becomes a complete one.
    static func partialHint(_ folder: String) -> String {
        "if it is a partial clone: `git -C \(folder) fetch --refetch --no-filter`, or `git backfill` of git 2.49; else `git fsck` names what is missing"
    }

    /// The folder of the repository's objects.
    func objects() async throws -> String {
        let path = try await line(["rev-parse", "--git-path", "objects"])
        return path.begins(with: "/") ? path : folder + "/" + path
    }

    /// The same, for a repository with SHA-1 to borrow from; nil where these objects have another hash.
    func lendable() async throws -> String? { try await objectFormat() == BlobFormat.sha1.rawValue ? try await objects() : nil }

    /// "sha1" or "sha256".
    func objectFormat() async throws -> String { try await line(["rev-parse", "--show-object-format"]) }

    /// The full hash of the commit that a revision names.
    ///
    /// - Throws: `HarnessError` of kind `.input` with git's own message.
    func commit(_ revision: String) async throws -> String {
        guard !revision.isEmpty, !revision.begins(with: "-") else { throw HarnessError(.input, "\"\(revision)\" is not a revision") }
        do {
            return try await line(["rev-parse", "--quiet", "--verify", revision + "^{commit}"])
        } catch let error as HarnessError where error.cause == .toolFailed {
            // Without a repository there is another error.
            guard try await isShallow() else {
                throw HarnessError(
                    .input, "\(folder) has no commit \"\(revision)\"", hint: "`git -C \(folder) log` shows its commits", evidence: error.evidence)
            }
            throw shallow("\(folder) has no commit \"\(revision)\"", evidence: error.evidence)
        }
    }

    /// Which of these paths are ignored: by the tree's .gitignore files, the repository's info/exclude, or the user's core.excludesFile.
    ///
    /// - Parameter paths: from the top; in no repository inside the tree.
    func ignored(_ paths: [String]) async throws -> Set<String> {
        guard !paths.isEmpty else { return [] }
        var command = git(["check-ignore", "-z", "--stdin"])
        command.inputBytes = Array(paths.joined(separator: "\0").utf8) + [0]
        do {
            // It ends with 1 where none is.
            return Set(try await command.bytes(orThrow: .input, accepting: [0, 1]).split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
        } catch let error as HarnessError where error.cause == .toolFailed {
            throw explained(error)
        }
    }
}

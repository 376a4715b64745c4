// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Reads a git work tree without writing to it: no index refresh, no locks, no hooks.
struct GitTree: Sendable {
    var folder: String

    /// Environment variables that would make git use another repository than that of `--git-dir`.
    static let variables = [
        "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX", "GIT_COMMON_DIR",
    ]

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
        command.unset = variables
        return command
    }

    func git(_ arguments: [String]) -> Command {
        var command = Command(
            "git",
            ["--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "--git-dir=\(folder)/.git", "--work-tree=\(folder)"]
                + arguments,
            directory: folder)
        command.unset = Self.variables
        return command
    }

    /// The folder of the repository's objects.
    func objects() async throws -> String {
        let path = try await git(["rev-parse", "--git-path", "objects"]).output(orThrow: .input).trimmingCharacters(in: .whitespacesAndNewlines)
        return path.hasPrefix("/") ? path : folder + "/" + path
    }

    /// "git:COMMIT", or "git:COMMIT+changes:KEY" where files differ from it or are new; ignored files do not count.
    ///
    /// - Throws: `HarnessError` of kind `.input` with git's own message.
    func identity() async throws -> String {
        let commit = try await git(["rev-parse", "--verify", "HEAD^{commit}"]).output(orThrow: .input).trimmingCharacters(in: .whitespacesAndNewlines)
        let status = try await git(["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all"]).output(
            orThrow: .input)
        let changed = Set(status.split(separator: "\0").map { String($0.dropFirst(3)) }).sorted()
        if changed.isEmpty { return "git:" + commit }
        let lines = try changed.map { path -> String in
            guard let status = FileStatus(folder + "/" + path), status.kind == .file || status.kind == .link else { return path + "\0gone" }
            return path + "\0" + (try TreeScan.identity(folder + "/" + path, status))
        }
        return "git:\(commit)+changes:" + Cache.key(lines)
    }

    /// The full hash of the commit that a revision names.
    ///
    /// - Throws: `HarnessError` of kind `.input` with git's own message.
    func commit(_ revision: String) async throws -> String {
        guard !revision.isEmpty, !revision.hasPrefix("-") else { throw HarnessError(.input, "\"\(revision)\" is not a revision") }
        do {
            return try await git(["rev-parse", "--quiet", "--verify", revision + "^{commit}"]).output(orThrow: .input)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        } catch let error as HarnessError where error.cause == .toolFailed {
            throw HarnessError(
                .input, "\(folder) has no commit \"\(revision)\"", hint: "`git -C \(folder) log` shows its commits", evidence: error.evidence)
        }
    }

    /// The paths of tracked files and of new ones that are not ignored.
    func paths() async throws -> [String] {
        let list = try await git(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).output(orThrow: .input)
        return Set(list.split(separator: "\0").map(String.init)).filter { !$0.hasSuffix("/") }.sorted()
    }
}

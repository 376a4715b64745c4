// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// Clones that have a part of the history (shallow), or of the objects (partial).
extension GitTree {
    func isShallow() async throws -> Bool { try await line(["rev-parse", "--is-shallow-repository"]) == "true" }

    /// The commits at the edge of a shallow clone, whose parents it lacks.
    func edge() async throws -> Set<String> {
        guard try await isShallow() else { return [] }
        let path = try await line(["rev-parse", "--git-path", "shallow"])
        return Set((Files.text(path.begins(with: "/") ? path : folder + "/" + path) ?? "").filledLines.map(String.init))
    }

    /// The error for a commit that a shallow clone lacks.
    func shallow(_ what: String, evidence: [String] = []) -> HarnessError {
        HarnessError(
            .input, "\(what): \(folder) is a shallow clone, and it may be beyond its edge",
            hint: "`git -C \(folder) fetch --unshallow` gets the whole history", evidence: evidence)
    }

    /// The remotes that have the objects which a partial clone lacks; empty for a complete one.
    private func promisors() async throws -> [String] {
        let lines = String(
            decoding: try await git(["config", "--get-regexp", "^(extensions\\.partialclone|remote\\..*\\.promisor)$"]).bytes(
                orThrow: .input, accepting: [0, 1]), as: UTF8.self
        ).filledLines
        var names: [String] = []
        for line in lines {
            guard let (key, value) = line.divided(at: " ") else { continue }
            let name: Substring
            if key.begins(with: "remote.") {
                guard value == "true" else { continue }
                name = key.dropFirst("remote.".count).dropLast(".promisor".count)
            } else {
                name = value
            }
            if !names.contains(String(name)) { names.append(String(name)) }
        }
        return names
    }

    /// Fetches what a partial clone lacks of a commit's files, in its own repository, as git does when it needs them. A repository of the
    /// harness that borrows its objects cannot.
    ///
    /// - Throws: `HarnessError` of kind `.input` where they cannot be had.
    func complete(_ commit: String, progress: Progress) async throws {
        let remotes = try await promisors()
        guard !remotes.isEmpty else { return }
        var last: HarnessError?
        // Trees name others, and files: each time there may be more.
        for _ in 0..<64 {
            let missing = try await self.missing(commit)
            guard !missing.isEmpty else { return }
            progress.report("fetching \(missing.count) objects of \(commit.prefix(12)) that the partial clone \(folder) lacks")
            last = nil
            for remote in remotes {
                do {
                    try await fetch(missing, from: remote)
                    last = nil
                    break
                } catch let error as HarnessError where error.cause == .toolFailed {
                    last = error
                }
            }
            if last == nil, try await self.missing(commit) != missing { continue }
            throw HarnessError(
                .input, "\(folder) is a partial clone that lacks \(missing.count) objects of \(commit.prefix(12)), and cannot fetch them",
                hint: "`git -C \(folder) fetch --refetch --no-filter` gets all objects, as does `git backfill` of git 2.49",
                evidence: last?.evidence ?? [])
        }
    }

    private func missing(_ commit: String) async throws -> [String] {
        let list = try await output(["rev-list", "--objects", "--missing=print", "--no-object-names", "--max-count=1", commit, "--"])
        return list.split(separator: UInt8(ascii: "\n")).compactMap { line in
            line.first == UInt8(ascii: "?") ? String(decoding: line.dropFirst().prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self) : nil
        }
    }

    private func fetch(_ objects: [String], from remote: String) async throws {
        // Without --git-dir, so that git refuses the repository of another user: its configuration names programs to run.
        var command = Command(
            "git",
            [
                "-c", "fetch.negotiationAlgorithm=noop", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "fetch", "--quiet", "--no-tags",
                "--no-write-fetch-head", "--recurse-submodules=no", "--refmap=", "--filter=blob:none", "--stdin", remote,
            ], environment: ["GIT_TERMINAL_PROMPT": "0"], directory: folder)
        command.unset = GitEnvironment.variables
        command.inputBytes = Array((objects.joined(separator: "\n") + "\n").utf8)
        do {
            _ = try await command.bytes(orThrow: .input)
        } catch let error as HarnessError where error.cause == .toolFailed && error.evidence.contains(where: { $0.holds("dubious ownership") }) {
            var explained = explained(error)
            explained.cause = nil
            throw explained
        }
    }
}

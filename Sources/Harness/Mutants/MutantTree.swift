// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// The harness's copy of a kernel source, to which one mutant at a time is applied. The source is only read.
///
/// The files of a mutant are recorded before they are changed, so that the next run can restore them if this one is killed. Each file that
/// is changed or restored gets the current time: make then compiles it again.
struct MutantTree: Sendable {
    /// The unmodified source.
    let origin: String
    /// The copy.
    let folder: String
    private let base: ResolvedSource
    private let inputs: TreeInputs
    private let log: String

    private var journal: String { folder + ".applied" }

    /// Makes the copy, or restores the existing one. The caller holds the lock `mutants-ID` of the source.
    ///
    /// - Throws: `HarnessError` of kind `.input` where the source is a tree that is built already.
    init(_ source: ResolvedSource, cache: Cache, progress: Progress) async throws {
        if case .built(let path) = source.material {
            throw HarnessError(
                .input, "\(path) is built already, and a mutant needs a source", hint: "give its source, with tree:PATH or debian:VERSION")
        }
        (origin, base, inputs) = try await KernelSource(cache: cache, progress: progress).materialize(source)
        folder = try cache.folder("mutants") + "/" + base.id
        log = try cache.folder("logs") + "/mutants-\(base.id).log"
        let mark = folder + ".of"
        if Files.text(mark) != base.identity || KernelTree.version(folder) == nil {
            progress.report("copying \(origin) for the mutants")
            try Files.remove(mark)
            try Files.remove(journal)
            try Files.remove(folder)
            // Objects of an earlier copy would be newer than the files of this one.
            let objects = try cache.folder("objects")
            for name in Files.names(in: objects) where name.hasPrefix(Self.id(base) + "-") { try Files.remove(objects + "/" + name) }
            try await Command("cp", ["-a", "--reflink=auto", origin, folder]).output()
            try Files.write(base.identity, to: mark)
        }
        try restore()
    }

    /// The start of the names of its object folders.
    private static func id(_ source: ResolvedSource) -> String { "mutants-" + source.id }

    /// The source with a mutant, for the builder. It is valid while the mutant is applied.
    func source(_ mutant: Mutant) -> ResolvedSource {
        var source = base
        source.identity += "+mutant:" + mutant.key
        source.path = folder
        var inputs = inputs
        if mutant.files.contains(where: TreeInputs.mayReachModules) { inputs.module = Cache.key([inputs.module, mutant.key]) }
        source.material = .owned(folder, inputs)
        source.id = Self.id(base)
        return source
    }

    /// Checks that every mutant applies. Changes no file.
    ///
    /// - Throws: `HarnessError` of kind `.input` that names the mutant, the file and the hunk.
    func check(_ mutants: [Mutant]) async throws {
        for mutant in mutants { try await patch(mutant, ["--dry-run"]) }
    }

    /// Applies a mutant to the unmodified tree.
    func apply(_ mutant: Mutant) async throws {
        try Files.write(paths: mutant.files, to: journal)
        do {
            try await patch(mutant, [])
        } catch {
            try restore()
            throw error
        }
    }

    /// Restores the files of the mutant that was applied last.
    func restore() throws {
        guard let files = Files.paths(journal) else { return }
        for file in files {
            let temporary = Files.temporary(for: folder + "/" + file)
            try Files.copy(origin + "/" + file, to: temporary)
            FileStatus.setModified(temporary, FileStatus.now())
            try Files.remove(folder + "/" + file)
            try Files.rename(temporary, to: folder + "/" + file)
        }
        try Files.remove(journal)
    }

    private func patch(_ mutant: Mutant, _ options: [String]) async throws {
        for file in mutant.files {
            guard FileStatus(folder + "/" + file)?.kind == .file else {
                throw HarnessError(.input, "the mutant \(mutant.name) does not apply to \(base.identity): there is no \(file)")
            }
        }
        // Written from memory: the mutant's file may have changed since it was checked.
        let file = folder + ".patch"
        try Files.write(mutant.patch, to: file)
        let command = Command(
            "patch", ["-p1", "--forward", "--fuzz=0", "--no-backup-if-mismatch", "--reject-file=-", "-d", folder, "-i", file] + options)
        try Files.write("", to: log)
        do {
            try await command.run(log: log, orThrow: .input)
        } catch let error as HarnessError where error.cause == .toolFailed {
            let output = (Files.text(log) ?? "").filledLines.map(String.init)
            throw HarnessError(
                .input, "the mutant \(mutant.name) does not apply to \(base.identity)\(Self.place(output).map { ": " + $0 } ?? "")",
                hint: "make its diff again against this source, or leave it out",
                evidence: output.isEmpty ? error.evidence : Array(output.dropFirst().prefix(12)))
        }
    }

    /// The first failure in patch(1)'s output: "net/core/devmem.c: Hunk #1 FAILED at 12."
    static func place(_ output: [String]) -> String? {
        var file = ""
        for line in output {
            for word in ["patching file ", "checking file "] where line.hasPrefix(word) { file = String(line.dropFirst(word.count)) }
            if line.hasPrefix("Hunk #"), line.contains("FAILED") { return "\(file): \(line)" }
        }
        return output.last { $0.hasPrefix("patch: ") }
    }
}

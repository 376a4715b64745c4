// SPDX-License-Identifier: GPL-2.0

/// The rules for a mutant's diff.
///
/// It edits C sources and headers. It adds, removes and renames no file, so a copy of those files restores the tree. It changes no input of
/// the configuration, so all mutants of a profile have the same configuration.
enum MutantPatch {
    /// The files the diff changes, each once, from the top of the tree.
    ///
    /// - Parameters:
    ///   - lines: the diff, as a slice of the mutant's lines.
    ///   - path: the mutant's file, for errors.
    /// - Throws: `HarnessError` of kind `.input` that names the line and the rule.
    static func files(_ lines: ArraySlice<String>, path: String) throws -> [String] {
        guard lines.contains(where: { !$0.isEmpty }) else {
            throw HarnessError(.input, "\(path): there is no diff below the header", hint: "docs/mutants.md describes the format")
        }
        func bad(_ line: Int, _ what: String) -> HarnessError {
            HarnessError(.input, "\(path):\(lines.startIndex + line): \(what)", hint: "make the diff with `diff -u a/FILE b/FILE` or `git diff`")
        }
        let files: [PatchDiff.File]
        do throws(PatchDiff.Malformed) {
            files = try PatchDiff.files(Array(lines.joined(separator: "\n").utf8), .editsOnly)
        } catch {
            throw bad(error.line, error.what)
        }
        var names: [String] = []
        for file in files {
            guard let old = file.old, let new = file.new else { throw bad(file.line, "a mutant adds and removes no files") }
            guard old == new else { throw bad(file.line, "a mutant renames nothing: \(old) becomes \(new)") }
            guard !file.hunks.isEmpty else { throw bad(file.line, "\(old) has no hunk") }
            guard !names.contains(old) else { throw bad(file.line, "\(old) is in the diff twice") }
            guard old.hasSuffix(".c") || old.hasSuffix(".h"), !TreeInputs.mayConfigure(old) else {
                throw bad(file.line, "\(old) is not a C source or header of the kernel")
            }
            names.append(old)
        }
        return names
    }
}

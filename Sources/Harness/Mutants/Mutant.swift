// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// One bug as a patch on a kernel, with a description of it (docs/mutants.md).
public struct Mutant: Sendable, Equatable {
    /// The kind of bug.
    public enum Class: String, Sendable, Codable, CaseIterable {
        case leak
        case doubleReturn = "double return"
        case wrongCount = "wrong count"
        case missedUnmap = "missed unmap"
        case useAfterFree = "use after free"
        case missedScrub = "missed scrub"
        case lostReference = "lost reference"
        case accounting
        case wrongRefusal = "wrong refusal"
        case missedWakeUp = "missed wake-up"
        case teardownOrder = "teardown order"
    }

    /// The only kind of scenario that is expected to fail.
    public enum Only: String, Sendable, Codable, CaseIterable {
        case fault, teardown, soak
    }

    /// The file's name without ".patch": "010-alloc-hands-out-twice".
    public var name: String
    /// The file.
    public var path: String
    public var subject: String
    public var kind: Class
    /// The bug.
    public var bug: String
    /// Which oracle is expected to find what.
    public var expect: String
    /// Scenarios to try first, as globs.
    public var filter: [String]
    /// The configuration profile in which a scenario is expected to fail.
    public var profile: String
    public var only: Only?
    /// Why no scenario can catch it; nil where one has to.
    public var missed: String?
    /// The files that the patch changes, from the top of the tree.
    public var files: [String]
    /// The patch without its header.
    public var patch: String

    /// Reads a mutant.
    ///
    /// - Parameter path: the file's path, from which the mutant has its name; it is not read.
    /// - Throws: `HarnessError` of kind `.input` that names the file, the line and the fault.
    public init(_ text: String, path: String) throws {
        let lines = Self.lines(text)
        let start = lines.firstIndex { $0.begins(with: "--- ") || $0.begins(with: "diff --git ") } ?? lines.count
        let header = try MutantHeader(lines[..<start], path: path)
        self.path = path
        name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        subject = try header.required("Subject")
        kind = try header.choice("Class", Class.self)
        bug = try header.required("Bug")
        expect = try header.required("Expect")
        filter = try header.required("Filter").utf8.split(separator: UInt8(ascii: " ")).compactMap { String($0) }
        profile = header.optional("Profile") ?? "fast"
        only = try header.optionalChoice("Only", Only.self)
        missed = header.optional("Missed")
        files = try MutantPatch.files(lines[start...], path: path)
        patch = lines[start...].joined(separator: "\n")
    }

    /// The lines of a mutant. Where each ends in CR LF, as a checkout for Windows writes them, they are read without the CR; a CR of single lines
    /// of a diff is the source's.
    private static func lines(_ text: String) -> [String] {
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let isConverted = lines.count > 1 && lines.dropLast().allSatisfy { $0.last == UInt8(ascii: "\r") }
        return lines.map { String(Substring(isConverted && $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0)) }
    }

    /// Reads the mutants of a folder and of the folders in it, in the order of their names.
    ///
    /// The folder is no part of a mutant's name, so no two may have the same name.
    ///
    /// - Parameter globs: shell patterns over the names, each of which must match at least one; none for all. A number ("10")
    ///   means the mutant whose name begins with it.
    /// - Throws: `HarnessError` of kind `.input`.
    public static func load(_ folder: String, matching globs: [String] = []) throws -> [Mutant] {
        guard Files.isFolder(folder) else {
            throw HarnessError(.input, "there is no folder of mutants at \(folder)", hint: "name it with --mutants")
        }
        let mutants = try files(folder).map { file in
            guard let data = FileManager.default.contents(atPath: file) else { throw HarnessError(.input, "cannot read the mutant \(file)") }
            let text: String
            do throws(ForeignText.Malformed) {
                text = try ForeignText.read(data)
            } catch {
                throw HarnessError(.input, "\(file):\(error.line): the line \(error.what)", hint: "docs/mutants.md describes the format")
            }
            return try Mutant(text, path: file)
        }.sorted { $0.name < $1.name }
        guard let first = mutants.first else { throw HarnessError(.input, "there is no mutant (*.patch) in \(folder)") }
        for (mutant, next) in zip(mutants, mutants.dropFirst()) where mutant.name == next.name {
            throw HarnessError(.input, "two mutants have the same name: \(mutant.path) and \(next.path)", hint: "rename one of the files")
        }
        if let unmatched = globs.first(where: { glob in !mutants.contains { $0.matches(glob) } }) {
            throw HarnessError(.input, "no mutant in \(folder) matches \"\(unmatched)\"", hint: "their names are like \(first.name)")
        }
        return mutants.filter { mutant in globs.isEmpty || globs.contains { mutant.matches($0) } }
    }

    /// The *.patch files of a folder and of the folders in it; names that begin with a dot are left out.
    private static func files(_ folder: String) -> [String] {
        Files.names(in: folder).filter { !$0.hasPrefix(".") }.flatMap { name in
            let path = folder + "/" + name
            // A link to a folder may lead to a folder above it.
            if FileStatus(path)?.kind == .folder { return files(path) }
            return name.hasSuffix(".patch") ? [path] : []
        }
    }

    /// The number that its name begins with; nil where there is none.
    var number: Int? { Int(name.prefix { $0.isNumber }) }

    func matches(_ glob: String) -> Bool {
        if Glob.matches(glob, name) { return true }
        guard let requested = Int(glob), let number else { return false }
        return requested == number
    }

    /// Names the bug by its content.
    var key: String { Cache.key([patch]) }
}

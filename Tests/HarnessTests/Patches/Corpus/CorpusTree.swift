// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport

@testable import Harness

/// The small source that the corpus patches, as contents.
struct CorpusTree: Equatable, Sendable {
    /// A file: its bytes, or where a symbolic link leads.
    enum Entry: Equatable, Sendable {
        case file([UInt8], executable: Bool)
        case link(String)
    }

    var entries: [String: Entry] = [:]

    /// The source before any patch.
    static let base: CorpusTree = {
        var tree = CorpusTree()
        func lines(_ name: String, _ count: Int, end: String = "\n") -> [UInt8] { (1...count).flatMap { Array("\t\(name) line \($0);\(end)".utf8) } }
        tree.entries["Makefile"] = .file(Array("VERSION = 7\nPATCHLEVEL = 3\nall:\n".utf8), executable: false)
        tree.entries["Kconfig"] = .file([], executable: false)
        tree.entries["net/core/x.c"] = .file(lines("x", 40), executable: false)
        tree.entries["io_uring/z.c"] = .file(lines("z", 40), executable: false)
        tree.entries["lib/Makefile"] = .file(lines("lib", 9), executable: false)
        tree.entries["Documentation/d.rst"] = .file(Array("Title\n=====\n\nJürgen wrote it.\nLast line without end".utf8), executable: false)
        tree.entries["dos.txt"] = .file(lines("dos", 9, end: "\r\n"), executable: false)
        tree.entries["latin.txt"] = .file(Array("one\n".utf8) + [0x4a, 0xfc, 0x72, 0x67, 0x0a] + Array("three\nfour\n".utf8), executable: false)
        tree.entries["data.bin"] = .file(Array(0...255), executable: false)
        tree.entries["tools/run.sh"] = .file(Array("#!/bin/sh\ntrue\n".utf8), executable: false)
        tree.entries["tools/link"] = .link("run.sh")
        return tree
    }()

    /// The tree in a folder; what git and the harness keep there is left out.
    init(folder: String) throws {
        for case let path as String in FileManager.default.enumerator(atPath: folder) ?? FileManager.DirectoryEnumerator() {
            guard !path.hasPrefix(".git") else { continue }
            if let entry = Self.entry(folder + "/" + path) { entries[path] = entry }
        }
    }

    /// What is at a path; nil for a folder.
    static func entry(_ path: String) -> Entry? {
        switch Files.kind(path) {
        case .link(let target): .link(target)
        case .file(let mode): .file(Array(FileManager.default.contents(atPath: path) ?? Data()), executable: mode & 0o100 != 0)
        default: nil
        }
    }

    init() {}

    func write(to folder: String) throws {
        for (path, entry) in entries {
            let target = folder + "/" + path
            try Files.makeFolder((target as NSString).deletingLastPathComponent)
            switch entry {
            case .file(let bytes, let executable):
                try Files.write(Data(bytes), to: target)
                try FileManager.default.setAttributes([.posixPermissions: executable ? 0o755 : 0o644], ofItemAtPath: target)
            case .link(let destination): try FileManager.default.createSymbolicLink(atPath: target, withDestinationPath: destination)
            }
        }
    }

    func bytes(_ path: String) -> [UInt8] {
        guard case .file(let bytes, _)? = entries[path] else { return [] }
        return bytes
    }

    mutating func set(_ path: String, _ bytes: [UInt8], executable: Bool = false) { entries[path] = .file(bytes, executable: executable) }

    /// Replaces a line, and returns the diff with three lines of context around it.
    ///
    /// - Parameters:
    ///   - line: from 1.
    ///   - prefixes: before the two names; "a/" and "b/" as git writes them.
    ///   - isGit: with the line "diff --git".
    mutating func edit(
        _ path: String = "net/core/x.c", _ line: Int, to text: [UInt8], prefixes: (String, String) = ("a/", "b/"), isGit: Bool = true,
        context: Int = 3
    ) -> [UInt8] {
        var lines = bytes(path).split(separator: 0x0a, omittingEmptySubsequences: false).map(Array.init)
        let (first, last) = (max(0, line - 1 - context), min(lines.count - 2, line - 1 + context))
        var diff: [UInt8] = []
        if isGit { diff += Array("diff --git \(prefixes.0)\(path) \(prefixes.1)\(path)\nindex 1111111..2222222 100644\n".utf8) }
        diff += Array(
            "--- \(prefixes.0)\(path)\n+++ \(prefixes.1)\(path)\n@@ -\(first + 1),\(last - first + 1) +\(first + 1),\(last - first + 1) @@\n".utf8)
        for index in first...last {
            if index == line - 1 {
                diff += [0x2d] + lines[index] + [0x0a, 0x2b] + text + [0x0a]
            } else {
                diff += [0x20] + lines[index] + [0x0a]
            }
        }
        lines[line - 1] = text
        set(path, Array(lines.joined(separator: [0x0a])))
        return diff
    }

    mutating func edit(
        _ path: String = "net/core/x.c", _ line: Int, _ text: String, prefixes: (String, String) = ("a/", "b/"), isGit: Bool = true, context: Int = 3
    ) -> [UInt8] {
        edit(path, line, to: Array(text.utf8), prefixes: prefixes, isGit: isGit, context: context)
    }

    /// Makes a file, and returns the diff.
    mutating func make(_ path: String, _ text: [UInt8], quoted: String? = nil) -> [UInt8] {
        set(path, text)
        let lines = text.split(separator: 0x0a, omittingEmptySubsequences: false).dropLast()
        let (old, new) = quoted.map { ("\"a/\($0)\"", "\"b/\($0)\"") } ?? ("a/" + path, "b/" + path)
        return Array(
            "diff --git \(old) \(new)\nnew file mode 100644\nindex 0000000..2222222\n--- /dev/null\n+++ \(new)\n@@ -0,0 +1,\(lines.count) @@\n".utf8)
            + lines.flatMap { [0x2b] + $0 + [0x0a] }
    }
}

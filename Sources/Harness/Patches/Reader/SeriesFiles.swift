// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The files that the paths of a series name, in the order in which they are read.
struct SeriesFiles {
    /// One file.
    struct Input: Equatable {
        var path: String
        /// As `-p` of `git apply`.
        var strip = 1
        /// Its place in the series is given by a file `series`, not by the number in its subject.
        var isOrdered = false
        /// The Maildir that it is in: its mails are in no order.
        var maildir: String?
    }

    var inputs: [Input] = []
    var notes: [String] = []

    static let suffixes = [".patch", ".diff", ".eml", ".mbox", ".mbx"]

    /// - Parameter paths: "-" for standard input.
    /// - Throws: `HarnessError` of kind `.input` that names the path.
    init(_ paths: [String]) throws {
        for path in paths { try add(path) }
    }

    private mutating func add(_ path: String) throws {
        if path == "-" {
            inputs.append(Input(path: "/dev/stdin"))
            return
        }
        guard !path.isEmpty, FileStatus(path) != nil else {
            throw HarnessError(.input, "there is no series at \"\(ShownText.shown(path))\"", hint: SeriesReader.hint)
        }
        guard Files.isFolder(path) else {
            inputs.append(Input(path: path))
            return
        }
        let folder = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        if Files.isFile(folder + "/series") {
            try addQuilt(folder)
        } else if Files.isFolder(folder + "/new") || Files.isFolder(folder + "/cur") {
            try addMaildir(folder)
        } else {
            let names = Self.patches(in: folder)
            guard !names.isEmpty else {
                throw HarnessError(
                    .input,
                    "there is no patch in the folder \(ShownText.shown(path)): no file \(Self.suffixes.map { "*" + $0 }.joined(separator: ", ")), no file `series` and no Maildir",
                    hint: SeriesReader.hint)
            }
            inputs += names.map { Input(path: folder + "/" + $0) }
        }
    }

    private static func patches(in folder: String) -> [String] {
        Files.names(in: folder).filter { name in
            !name.hasPrefix(".") && suffixes.contains { name.hasSuffix($0) } && !Files.isFolder(folder + "/" + name)
        }
    }

    // MARK: - Quilt

    /// The file `series` of quilt, StGit or b4: a name in each line, with -p0 or -p1 behind it; "#" begins a remark, or parks a patch.
    private mutating func addQuilt(_ folder: String) throws {
        let list = folder + "/series"
        let lines = ByteLines(FileManager.default.contents(atPath: list).map(Array.init) ?? [])
        var named: Set<String> = []
        for index in 0..<lines.count {
            let place = "\(ShownText.shown(list)):\(index + 1)"
            var words = lines[index].split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
            if let remark = words.firstIndex(where: { $0.first == 0x23 }) {
                // A parked patch is named after the "#".
                if remark == 0 {
                    let rest = words.map { String(decoding: $0.drop { $0 == 0x23 }, as: UTF8.self) }.filter { !$0.isEmpty }
                    if let name = rest.first, rest.count <= 2, Files.isFile(folder + "/" + name), name != "series" {
                        named.insert(name)
                        notes.append("\(place): \(ShownText.shown(name)) is parked by the \"#\", and is left out")
                    }
                }
                words.removeSubrange(remark...)
            }
            guard let name = words.first.map({ String(decoding: $0, as: UTF8.self) }) else { continue }
            let strip = try Self.strip(words.dropFirst().map { String(decoding: $0, as: UTF8.self) }, of: name, at: place)
            guard !name.hasPrefix("/"), !name.split(separator: "/").contains("..") else {
                throw HarnessError(
                    .input, "\(place) names a file outside of its folder: \(ShownText.shown(name))", hint: "put the patch into the folder")
            }
            guard Files.isFile(folder + "/" + name) else {
                throw HarnessError(
                    .input, "\(place) names \(ShownText.shown(name)), and there is no such file",
                    hint: "get it, or park it: put a # before its name")
            }
            guard named.insert(name).inserted || !inputs.contains(where: { $0.path == folder + "/" + name }) else {
                throw HarnessError(.input, "\(place) names \(ShownText.shown(name)) a second time", hint: "take one of the two lines out")
            }
            inputs.append(Input(path: folder + "/" + name, strip: strip, isOrdered: true))
        }
        guard inputs.contains(where: { $0.isOrdered && $0.path.hasPrefix(folder + "/") }) else {
            throw HarnessError(
                .input, "\(ShownText.shown(list)) names no patch", hint: "write the name of each patch on a line of its own, in their order")
        }
        let others = Self.patches(in: folder).filter { !named.contains($0) }
        if !others.isEmpty {
            notes.append(
                "\(ShownText.shown(list)) does not name, and so they are left out: \(others.map { ShownText.shown($0) }.joined(separator: ", "))")
        }
    }

    private static func strip(_ options: [String], of name: String, at place: String) throws -> Int {
        var strip = 1
        var rest = options[...]
        while let option = rest.popFirst() {
            switch option {
            case "-p0": strip = 0
            case "-p1", "-pab": strip = 1
            case "-p":
                guard let level = rest.popFirst().flatMap({ Int($0) }), (0...1).contains(level) else { throw notSupported(option, name, place) }
                strip = level
            default: throw notSupported(option, name, place)
            }
        }
        return strip
    }

    private static func notSupported(_ option: String, _ name: String, _ place: String) -> HarnessError {
        let isReverse = option == "-R" || option == "--reverse"
        return HarnessError(
            .input, "\(place): \(ShownText.shown(name)) has the option \(ShownText.shown(option)), which is not supported",
            hint: isReverse
                ? "-R takes a patch back: write the change as a patch of its own (`git revert`, `interdiff /dev/null FILE`)"
                : "-p0 and -p1 are; `quilt refresh -p1` writes the patch again")
    }

    // MARK: - Maildir

    private mutating func addMaildir(_ folder: String) throws {
        var names: [String] = []
        for part in ["cur", "new"] {
            names += Files.names(in: folder + "/" + part).filter { !$0.hasPrefix(".") }.map { part + "/" + $0 }
        }
        guard !names.isEmpty else {
            throw HarnessError(
                .input, "there is no mail in the Maildir \(ShownText.shown(folder)): its new/ and cur/ are empty", hint: SeriesReader.hint)
        }
        inputs += names.sorted(by: Self.isBefore).map { Input(path: folder + "/" + $0, maildir: folder) }
    }

    /// The order of git: numbers in the names by their value.
    static func isBefore(_ first: String, _ second: String) -> Bool {
        var (first, second) = (Array(first.utf8)[...], Array(second.utf8)[...])
        while let left = first.first, let right = second.first {
            if let (a, afterA) = first.number, let (b, afterB) = second.number {
                if a != b { return a < b }
                (first, second) = (afterA, afterB)
            } else if left != right {
                return left < right
            } else {
                (first, second) = (first.dropFirst(), second.dropFirst())
            }
        }
        return first.count < second.count
    }
}

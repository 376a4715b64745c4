// SPDX-License-Identifier: GPL-2.0

/// The fault of a name or of a line of git's header; the caller knows its line.
struct NameFault: Error {
    var what: String
    var hint: String?
}

/// Reads the names of files in a diff.
struct DiffNames {
    /// A name without its first part, and that part.
    struct Name: Equatable {
        /// "a"; empty where none is taken off.
        var prefix: String
        var path: String
        /// Its time is 1970-01-01 00:00: for git such a file is not there.
        var isEpoch = false
    }

    var strip: Int
    var isEditsOnly = false

    static let prefixHint =
        "git makes such names with diff.noprefix; make the patch with `git -c diff.noprefix=false format-patch`, or put it into a folder whose file"
        + " `series` has its name and -p0"

    /// What follows "--- " or "+++ "; nil for /dev/null.
    func name(_ bytes: ArraySlice<UInt8>, side: StaticString) throws(NameFault) -> Name? {
        var word = bytes
        var stamp = ArraySlice<UInt8>()
        if word.first == 0x22 {
            guard let (name, rest) = Self.unquoted(word) else { throw Self.leaves(bytes) }
            (word, stamp) = (name[...], rest)
        } else if let tab = word.firstIndex(of: 0x09) {
            (word, stamp) = (word[..<tab], word[tab...])
        }
        if word.elementsEqual("/dev/null".utf8) { return nil }
        var name = try split(word, side: side)
        name.isEpoch = Self.isEpoch(stamp.trimmed)
        return name
    }

    /// Takes the first part off.
    func split(_ word: ArraySlice<UInt8>, side: StaticString) throws(NameFault) -> Name {
        guard word.first != 0x2f else { throw Self.leaves(word) }
        if strip == 0 { return Name(prefix: "", path: try Self.path(word)) }
        // The first part may have any name: "a/", "b/", "linux-7.3.orig/".
        let side = String(describing: side)
        guard let slash = word.firstIndex(of: 0x2f), !isEditsOnly || word[..<slash].elementsEqual(side.utf8) else {
            throw NameFault(
                what: "\"\(ShownText.shown(word, limit: 80))\" is no path of the form \(side)/FILE", hint: isEditsOnly ? nil : Self.prefixHint)
        }
        return Name(prefix: String(decoding: word[..<slash], as: UTF8.self), path: try Self.path(word[(slash + 1)...]))
    }

    /// A path of a file in the tree.
    static func path(_ bytes: ArraySlice<UInt8>) throws(NameFault) -> String {
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }), let path = String(validating: bytes, as: UTF8.self) else {
            throw NameFault(
                what: "the path \"\(ShownText.shown(bytes, limit: 80))\" has a control character, or is no UTF-8",
                hint: "no file of the kernel has such a name")
        }
        let parts = bytes.split(separator: 0x2f, omittingEmptySubsequences: false)
        guard parts.allSatisfy(isName) else { throw leaves(bytes) }
        return path
    }

    private static func isName(_ part: ArraySlice<UInt8>) -> Bool {
        guard !part.isEmpty, !part.elementsEqual(".".utf8), !part.elementsEqual("..".utf8) else { return false }
        // As git compares it for file systems that ignore case, and characters that are not drawn.
        let scalars = String(decoding: part, as: UTF8.self).unicodeScalars.filter { $0.properties.generalCategory != .format }
        let drawn = String(String.UnicodeScalarView(scalars)).lowercased()
        return drawn != ".git" && drawn != "git~1"
    }

    private static func leaves(_ bytes: ArraySlice<UInt8>) -> NameFault {
        NameFault(
            what: "the path \"\(ShownText.shown(bytes, limit: 80))\" leads out of the tree, or names no file of it",
            hint: "the names are relative to the top of the kernel's source: a/net/core/FILE")
    }

    /// Whether a time is that of a file that is not there, as diff(1) writes it.
    private static func isEpoch(_ stamp: ArraySlice<UInt8>) -> Bool {
        stamp.begins(with: "1970-01-01 00:00:00") || (stamp.begins(with: "1969-12-31 ") && stamp.contains(0x2d))
    }

    /// Reads a name in quotes, as git writes one with special bytes.
    ///
    /// - Returns: nil where the quotes are not closed or an escape is not known.
    static func unquoted(_ bytes: ArraySlice<UInt8>) -> (name: [UInt8], rest: ArraySlice<UInt8>)? {
        var name: [UInt8] = []
        var rest = bytes.dropFirst()
        while let byte = rest.popFirst() {
            if byte == 0x22 { return (name, rest) }
            guard byte == 0x5c else {
                name.append(byte)
                continue
            }
            guard let escape = rest.popFirst() else { return nil }
            switch escape {
            case UInt8(ascii: "a"): name.append(0x07)
            case UInt8(ascii: "b"): name.append(0x08)
            case UInt8(ascii: "t"): name.append(0x09)
            case UInt8(ascii: "n"): name.append(0x0a)
            case UInt8(ascii: "v"): name.append(0x0b)
            case UInt8(ascii: "f"): name.append(0x0c)
            case UInt8(ascii: "r"): name.append(0x0d)
            case 0x22, 0x5c: name.append(escape)
            case 0x30...0x33:
                guard let second = rest.popFirst(), let third = rest.popFirst(), (0x30...0x37).contains(second), (0x30...0x37).contains(third) else {
                    return nil
                }
                name.append((escape - 0x30) << 6 | (second - 0x30) << 3 | (third - 0x30))
            default: return nil
            }
        }
        return nil
    }
}

/// The lines between "diff --git" and the first hunk.
struct GitHeader {
    var line: Int
    var names: DiffNames
    /// Of the line "---"; nil in it for /dev/null.
    var old: DiffNames.Name??
    /// Of the line "+++".
    var new: DiffNames.Name??
    private(set) var isNew = false
    private var isGone = false
    private var from: String?
    private var to: String?
    private var hasModes = false

    init(line: Int, names: DiffNames) {
        self.line = line
        self.names = names
    }

    /// The lines change a file without a hunk.
    var isComplete: Bool { isNew || isGone || to != nil || hasModes }

    /// Reads a line.
    ///
    /// - Returns: false where it is none of git's lines.
    mutating func read(_ line: ArraySlice<UInt8>) throws(NameFault) -> Bool {
        func rest(_ text: StaticString) -> ArraySlice<UInt8>? { line.begins(with: text) ? line.dropFirst(text.utf8CodeUnitCount) : nil }
        if let name = rest("rename from ") ?? rest("copy from ") ?? rest("rename old ") {
            from = try path(name)
        } else if let name = rest("rename to ") ?? rest("copy to ") ?? rest("rename new ") {
            to = try path(name)
        } else if let mode = rest("new file mode ") {
            try require(mode)
            isNew = true
        } else if let mode = rest("deleted file mode ") {
            try require(mode)
            isGone = true
        } else if let mode = rest("old mode ") {
            try require(mode)
        } else if let mode = rest("new mode ") {
            try require(mode)
            hasModes = true
        } else if let index = rest("index ") {
            if let blank = index.firstIndex(of: 0x20) { try require(index[(blank + 1)...]) }
        } else {
            return rest("similarity index ") != nil || rest("dissimilarity index ") != nil
        }
        return true
    }

    private func path(_ name: ArraySlice<UInt8>) throws(NameFault) -> String {
        guard name.first == 0x22 else { return try DiffNames.path(name) }
        guard let (name, _) = DiffNames.unquoted(name) else {
            throw NameFault(what: "the name \(ShownText.shown(name, limit: 80)) is not quoted as git does")
        }
        return try DiffNames.path(name[...])
    }

    private func require(_ mode: ArraySlice<UInt8>) throws(NameFault) {
        let text = String(decoding: mode.trimmed, as: UTF8.self)
        guard let value = Int(text, radix: 8) else { throw NameFault(what: "\"\(ShownText.shown(mode, limit: 20))\" is not a mode") }
        switch value & 0o170000 {
        case 0o100000, 0o120000: return
        case 0o160000:
            throw NameFault(
                what: "it changes a submodule (mode 160000), and the source of a kernel has none",
                hint: "take that part out of the patch; a submodule's files are a repository of their own")
        default: throw NameFault(what: "the mode \(text) is neither of a file nor of a symbolic link")
        }
    }

    /// The file, once all lines are read.
    ///
    /// - Parameter header: what follows "diff --git ".
    func file(_ header: ArraySlice<UInt8>) throws(NameFault) -> PatchDiff.File {
        var file = PatchDiff.File(line: line)
        let wanted = (first: (old ?? nil)?.path ?? from ?? (new ?? nil)?.path, second: (new ?? nil)?.path ?? to ?? (old ?? nil)?.path)
        guard let (first, second) = try pair(header, wanted) else {
            throw NameFault(
                what: "the names of the line \"diff --git\" are not those of the lines below it: \"\(ShownText.shown(header, limit: 120))\"",
                hint: DiffNames.prefixHint)
        }
        if names.strip == 1, first.prefix == second.prefix {
            throw NameFault(
                what: "the names have no a/ and b/ before them: \"\(ShownText.shown(header, limit: 120))\"", hint: DiffNames.prefixHint)
        }
        if let from, from != first.path { throw different(from, first.path) }
        if let to, to != second.path { throw different(to, second.path) }
        (file.old, file.new) = (isNew ? nil : first.path, isGone ? nil : second.path)
        if let old, (old == nil) != isNew { throw NameFault(what: "/dev/null and \"new file mode\" do not go together: one of the two is missing") }
        if let new, (new == nil) != isGone {
            throw NameFault(what: "/dev/null and \"deleted file mode\" do not go together: one of the two is missing")
        }
        if isNew, isGone { throw NameFault(what: "it makes and removes \(first.path)") }
        if from == nil, to == nil, first.path != second.path { throw different(first.path, second.path) }
        return file
    }

    private func different(_ first: String, _ second: String) -> NameFault {
        NameFault(
            what: "its lines name two files: \(first) and \(second)",
            hint: "a rename has the lines `rename from` and `rename to`; make the patch with git")
    }

    /// The two names of "diff --git a/x b/x". A name may have blanks, so the lines below tell where the first ends.
    private func pair(
        _ header: ArraySlice<UInt8>, _ wanted: (first: String?, second: String?)
    ) throws(NameFault) -> (DiffNames.Name, DiffNames.Name)? {
        var candidates: [(ArraySlice<UInt8>, ArraySlice<UInt8>)] = []
        var isOnly = true
        if header.first == 0x22 {
            guard let (first, rest) = DiffNames.unquoted(header), rest.first == 0x20 else { return nil }
            let second = rest.dropFirst()
            candidates = [(first[...], second.first == 0x22 ? (DiffNames.unquoted(second)?.name ?? [])[...] : second)]
        } else if let quote = header.firstIndex(of: 0x22), quote > header.startIndex, header[quote - 1] == 0x20,
            let (second, _) = DiffNames.unquoted(header[quote...])
        {
            candidates = [(header[..<(quote - 1)], second[...])]
        } else {
            let blanks = header.indices.filter { header[$0] == 0x20 }
            isOnly = blanks.count == 1
            candidates = (isOnly ? blanks : fitting(blanks, header, wanted)).map { (header[..<$0], header[($0 + 1)...]) }
        }
        var fault: NameFault?
        for (first, second) in candidates {
            do throws(NameFault) {
                let (first, second) = (try names.split(first, side: "a"), try names.split(second, side: "b"))
                if let path = wanted.first, path != first.path { continue }
                if let path = wanted.second, path != second.path { continue }
                if wanted.first == nil, wanted.second == nil, first.path != second.path { continue }
                return (first, second)
            } catch {
                fault = fault ?? error
            }
        }
        if isOnly, let fault { throw fault }
        return nil
    }

    /// The blanks between two paths of the lengths that are wanted. A line may have any number of blanks, and to read two names takes the time of
    /// their lengths.
    private func fitting(_ blanks: [Int], _ header: ArraySlice<UInt8>, _ wanted: (first: String?, second: String?)) -> [Int] {
        let slash = names.strip == 0 ? header.startIndex - 1 : header.firstIndex(of: 0x2f) ?? header.endIndex
        var nextSlash: Int?
        var at = header.endIndex
        var found: [Int] = []
        for blank in blanks.reversed() where blank > slash {
            while names.strip > 0, at > blank + 1 {
                at -= 1
                if header[at] == 0x2f { nextSlash = at }
            }
            guard let second = names.strip == 0 ? blank : nextSlash else { continue }
            let counts = (first: blank - slash - 1, second: header.endIndex - second - 1)
            if let path = wanted.first, path.utf8.count != counts.first { continue }
            if let path = wanted.second, path.utf8.count != counts.second { continue }
            if wanted.first == nil, wanted.second == nil, counts.first != counts.second { continue }
            found.append(blank)
        }
        return found.reversed()
    }
}

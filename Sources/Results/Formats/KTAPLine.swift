// SPDX-License-Identifier: GPL-2.0

/// A line of KTAP, or of the TAP 13 that kselftest programs write (Documentation/dev-tools/ktap.rst). It is read as bytes: what a name is made
/// of does not matter.
public enum KTAPLine: Equatable, Sendable {
    /// "1..5"; 0 and a reason where nothing is to run.
    case plan(Int, skipped: String?)
    case result(KTAPResult)
    /// "# words"
    case diagnostic(String)
    case bailOut(String)
    case version
    /// Anything else.
    case other(String)

    /// "ok 1 name # SKIP reason"
    public struct KTAPResult: Hashable, Sendable {
        public enum Directive: String, Sendable {
            case skip = "SKIP"
            case xfail = "XFAIL"
            /// It passed although a failure was expected.
            case xpass = "XPASS"
            case todo = "TODO"
            /// Of a failure only: behind "ok" the words are a remark.
            case timeout = "TIMEOUT"
            case error = "ERROR"
        }

        public var ok: Bool
        public var number: Int?
        public var name: String
        public var directive: Directive?
        /// What follows the directive; without one, the remark behind " # ".
        public var reason: String?

        public init(ok: Bool, number: Int?, name: String, directive: Directive?, reason: String?) {
            self.ok = ok
            self.number = number
            self.name = name
            self.directive = directive
            self.reason = reason
        }
    }

    private typealias Bytes = ArraySlice<UInt8>

    /// Whether it reports a result at the outermost level: an indented one is a subtest's.
    public static func isResult(_ line: String) -> Bool {
        if case .result = KTAPLine(line) { return true }
        return false
    }

    public init(_ line: String) {
        let bytes = Self.content(line)
        if let (ok, rest) = Self.verdict(bytes) {
            self = .result(Self.result(ok: ok, rest))
        } else if let (count, rest) = Self.plan(bytes) {
            self = .plan(count, skipped: rest.firstIndex(of: UInt8(ascii: "#")).map { Self.text(rest[($0 + 1)...]) })
        } else if bytes.first == UInt8(ascii: "#") {
            self = .diagnostic(Self.text(bytes.dropFirst()))
        } else if let rest = Self.behind("Bail out!", Self.trimmed(bytes)) {
            self = .bailOut(Self.text(rest))
        } else if Self.behind("TAP version ", bytes) != nil || Self.behind("KTAP version ", bytes) != nil {
            self = .version
        } else {
            self = .other(line)
        }
    }

    /// The numbers of the results that `embedded(in:number:)` may find: each that follows "ok" behind other text.
    public static func embeddedNumbers(in line: String) -> [Int] {
        guard line.utf8.contains(UInt8(ascii: "o")) else { return [] }
        let bytes = content(line)
        guard let first = bytes.firstIndex(where: { !isSpace($0) }), bytes[first] != UInt8(ascii: "#"), verdict(bytes[first...]) == nil else {
            return []
        }
        return bytes[first...].indices.dropFirst().compactMap { at in
            bytes[at] == UInt8(ascii: "o") ? verdict(bytes[at...]).flatMap { number($0.rest)?.value } : nil
        }
    }

    /// A result behind other text on the same line: something wrote half a line to the same pipe, as a program's standard error.
    ///
    /// - Parameters:
    ///   - number: the number that it must have, because no other line has it.
    ///   - insideWord: it may follow a letter: "waitingok 6 name".
    /// - Returns: nil for a line that is a diagnostic, a result itself, or a subtest's.
    public static func embedded(in line: String, number: Int, insideWord: Bool = false) -> (before: String, result: KTAPResult)? {
        let bytes = content(line)
        guard let first = bytes.firstIndex(where: { !isSpace($0) }), bytes[first] != UInt8(ascii: "#"), verdict(bytes[first...]) == nil else {
            return nil
        }
        var at = first + 1
        while let found = bytes[at...].firstIndex(of: UInt8(ascii: "o")) {
            at = found + 1
            guard let rest = verdict(bytes[found...])?.rest, self.number(rest)?.value == number else { continue }
            let isNegated = bytes[first..<found].suffix(4).elementsEqual("not ".utf8)
            let start = isNegated ? found - 4 : found
            guard start > first, insideWord || !isLetter(bytes[start - 1]) else { continue }
            return (text(bytes[..<start]), result(ok: !isNegated, rest))
        }
        return nil
    }

    /// The line without a byte order mark and without what ends it.
    private static func content(_ line: String) -> Bytes {
        var bytes = Array(line.utf8)[...]
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes = bytes.dropFirst(3) }
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return bytes
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (0x09...0x0d).contains(byte) }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte & 0xdf) || isDigit(byte) || byte == UInt8(ascii: "_") }

    private static func trimmed(_ bytes: Bytes) -> Bytes {
        var bytes = bytes.drop(while: isSpace)
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return bytes
    }

    private static func text(_ bytes: Bytes) -> String { String(decoding: trimmed(bytes), as: UTF8.self) }

    private static func behind(_ prefix: String, _ bytes: Bytes) -> Bytes? {
        bytes.starts(with: prefix.utf8) ? bytes.dropFirst(prefix.utf8.count) : nil
    }

    /// "ok" or "not ok", and what follows.
    private static func verdict(_ bytes: Bytes) -> (ok: Bool, rest: Bytes)? {
        let negated = behind("not ", bytes)
        guard let rest = behind("ok", negated ?? bytes), rest.first.map(isSpace) ?? true else { return nil }
        return (negated == nil, rest)
    }

    /// "1..5", and what follows.
    private static func plan(_ bytes: Bytes) -> (count: Int, rest: Bytes)? {
        guard let rest = behind("1..", bytes) else { return nil }
        let digits = rest.prefix(while: isDigit)
        let behind = rest[digits.endIndex...]
        guard let count = Int(String(decoding: digits, as: UTF8.self)), behind.first.map(isSpace) ?? true else { return nil }
        return (count, behind)
    }

    /// The number that follows "ok", and what is behind it; nil where a word follows.
    private static func number(_ bytes: Bytes) -> (value: Int, rest: Bytes)? {
        let bytes = bytes.drop(while: isSpace)
        let digits = bytes.prefix(while: isDigit)
        let behind = bytes[digits.endIndex...]
        // More digits than an Int has are no number.
        guard digits.count <= 40, let value = Int(String(decoding: digits, as: UTF8.self)), behind.first.map(isSpace) ?? true else { return nil }
        return (value, behind)
    }

    private static func result(ok: Bool, _ rest: Bytes) -> KTAPResult {
        let number = number(rest)
        var rest = trimmed(number?.rest ?? rest)
        if rest.first == UInt8(ascii: "-"), rest.dropFirst().first.map(isSpace) ?? true { rest = trimmed(rest.dropFirst()) }
        var remark: Int?
        for hash in rest.indices where rest[hash] == UInt8(ascii: "#") {
            // A name may have a "#" of its own: "c#1", "issue #4", "\#".
            guard hash == rest.startIndex || isSpace(rest[hash - 1]) else { continue }
            let words = rest[(hash + 1)...].drop(while: isSpace)
            let word = words.prefix { isLetter($0) }
            if let directive = directive(String(decoding: word, as: UTF8.self), ok: ok) {
                let behind = words[word.endIndex...].drop { isSpace($0) || $0 == UInt8(ascii: ":") }
                let reason = text(behind)
                return KTAPResult(
                    ok: ok, number: number?.value, name: text(rest[..<hash]), directive: directive, reason: reason.isEmpty ? nil : reason)
            }
            if remark == nil, rest[(hash + 1)...].first.map(isSpace) ?? true { remark = hash }
        }
        guard let remark else { return KTAPResult(ok: ok, number: number?.value, name: text(rest), directive: nil, reason: nil) }
        let words = text(rest[(remark + 1)...])
        return KTAPResult(ok: ok, number: number?.value, name: text(rest[..<remark]), directive: nil, reason: words.isEmpty ? nil : words)
    }

    /// SKIP and TODO in any case, as TAP has them; the kernel's own in capitals.
    private static func directive(_ word: String, ok: Bool) -> KTAPResult.Directive? {
        switch word.uppercased() {
        case "SKIP", "SKIPPED", "SKIPPING": return .skip
        case "TODO": return .todo
        default: break
        }
        guard let directive = KTAPResult.Directive(rawValue: word) else { return nil }
        switch directive {
        case .timeout, .error: return ok ? nil : directive
        default: return directive
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

/// A line of KTAP, or of the TAP 13 that kselftest programs write (Documentation/dev-tools/ktap.rst).
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
    public struct KTAPResult: Equatable, Sendable {
        public enum Directive: String, Sendable {
            case skip = "SKIP"
            case xfail = "XFAIL"
            case todo = "TODO"
            case timeout = "TIMEOUT"
            case error = "ERROR"
        }

        public var ok: Bool
        public var number: Int?
        public var name: String
        public var directive: Directive?
        public var reason: String?

        public init(ok: Bool, number: Int?, name: String, directive: Directive?, reason: String?) {
            self.ok = ok
            self.number = number
            self.name = name
            self.directive = directive
            self.reason = reason
        }
    }

    /// Whether it reports a result at the outermost level: an indented one is a subtest's.
    public static func isResult(_ line: String) -> Bool {
        if case .result = KTAPLine(line) { return true }
        return false
    }

    public init(_ line: String) {
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        if line.hasPrefix("ok ") || line == "ok" {
            self = .result(Self.result(ok: true, line.dropFirst(2)))
        } else if line.hasPrefix("not ok ") || line == "not ok" {
            self = .result(Self.result(ok: false, line.dropFirst(6)))
        } else if line.hasPrefix("1.."), let first = words.first, let count = Int(first.dropFirst(3)) {
            let divided = line.split(separator: "#", maxSplits: 1)
            self = .plan(count, skipped: divided.count > 1 ? Self.trimmed(divided[1]) : nil)
        } else if line.hasPrefix("#") {
            self = .diagnostic(Self.trimmed(line.dropFirst()))
        } else if line.hasPrefix("Bail out!") {
            self = .bailOut(Self.trimmed(line.dropFirst("Bail out!".count)))
        } else if line.hasPrefix("TAP version ") || line.hasPrefix("KTAP version ") {
            self = .version
        } else {
            self = .other(line)
        }
    }

    private static func result(ok: Bool, _ rest: Substring) -> KTAPResult {
        var rest = rest.drop { $0 == " " }
        var number: Int?
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        if let value = Int(digits), rest.dropFirst(digits.count).first.map({ $0 == " " }) ?? true {
            number = value
            rest = rest.dropFirst(digits.count).drop { $0 == " " }
        }
        if rest.hasPrefix("- ") { rest = rest.dropFirst(2) }
        // The directive is behind the last "#" that a known word follows; a name may have one of its own.
        var searched = rest[...]
        while let hash = searched.lastIndex(of: "#") {
            let words = rest[rest.index(after: hash)...].drop { $0 == " " }
            let word = words.prefix { $0.isLetter }
            if let directive = KTAPResult.Directive(rawValue: word.uppercased()) {
                let reason = trimmed(words.dropFirst(word.count))
                return KTAPResult(
                    ok: ok, number: number, name: trimmed(rest[..<hash]), directive: directive, reason: reason.isEmpty ? nil : reason)
            }
            searched = searched[..<hash]
        }
        return KTAPResult(ok: ok, number: number, name: trimmed(rest), directive: nil, reason: nil)
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}

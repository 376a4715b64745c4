// SPDX-License-Identifier: GPL-2.0

/// A calendar day; compares by date.
public struct Day: Comparable, Hashable, Sendable, CustomStringConvertible {
    public let year, month, day: Int

    /// Parses `YYYY-MM-DD`; nil where that is no day.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2], parts.allSatisfy({ $0.utf8.allSatisfy(isDigit) }),
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2])
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    /// nil where the calendar has no such day.
    public init?(year: Int, month: Int, day: Int) {
        guard (1...12).contains(month) else { return nil }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
        guard (1...days).contains(day) else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    public static func < (a: Day, b: Day) -> Bool { (a.year, a.month, a.day) < (b.year, b.month, b.day) }

    public var description: String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let year = String(self.year)
        return "\(String(repeating: "0", count: max(0, 4 - year.count)))\(year)-\(two(month))-\(two(day))"
    }
}

/// What is wrong with an allow-list file. The whole file is refused: a rule that does not do what its author thinks hides faults.
public enum AllowListError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Not `name: value` with one of the four names.
    case malformedLine(line: Int, text: String)
    case repeatedField(line: Int, field: String)
    /// The entry that begins at `line` lacks a field, or has it empty.
    case missingField(line: Int, field: String)
    case badDate(line: Int, text: String)

    public var description: String {
        switch self {
        case .malformedLine(let line, let text):
            "allow-list line \(line): \"\(text)\" is not one of pattern:, reason:, link:, expires: with a value"
        case .repeatedField(let line, let field):
            "allow-list line \(line): a second \(field): in one entry (a blank line ends an entry)"
        case .missingField(let line, let field): "allow-list entry at line \(line): no \(field):"
        case .badDate(let line, let text): "allow-list line \(line): \"\(text)\" is not a day as YYYY-MM-DD"
        }
    }
}

/// Known splats that do not fail a scenario, each with a reason, a link and a day on which it stops counting.
///
/// The format is in docs/results.md: paragraphs of `name: value` lines, `#` comments.
public struct AllowList: Equatable, Sendable {
    public struct Entry: Equatable, Sendable {
        /// Plain substring of a splat's first line.
        public var pattern: String
        public var reason: String
        /// Where it was reported.
        public var link: String
        /// The last day on which the entry counts.
        public var expires: Day
        /// Where the entry begins in the file.
        public var line: Int

        public init(pattern: String, reason: String, link: String, expires: Day, line: Int = 0) {
            self.pattern = pattern
            self.reason = reason
            self.link = link
            self.expires = expires
            self.line = line
        }
    }

    public var entries: [Entry]

    public init(entries: [Entry] = []) {
        self.entries = entries
    }

    /// Parses the text of an allow-list file.
    public init(text: String) throws(AllowListError) {
        entries = []
        var fields: [String: String] = [:]
        var start = 0
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, raw) in (lines + [""]).enumerated() {
            let line = raw.unindented
            if line.allSatisfy(\.isWhitespace) {
                if !fields.isEmpty { entries.append(try Self.entry(fields, start)) }
                fields = [:]
                continue
            }
            if line.hasPrefix("#") { continue }
            guard let colon = line.firstIndex(of: ":"), case let name = String(line[..<colon]),
                ["pattern", "reason", "link", "expires"].contains(name)
            else { throw .malformedLine(line: index + 1, text: String(line)) }
            guard fields[name] == nil else { throw .repeatedField(line: index + 1, field: name) }
            if fields.isEmpty { start = index + 1 }
            var value = line[line.index(after: colon)...].unindented
            while value.last?.isWhitespace == true { value = value.dropLast() }
            if name == "expires", !value.isEmpty, Day(value) == nil { throw .badDate(line: index + 1, text: String(value)) }
            fields[name] = String(value)
        }
    }

    private static func entry(_ fields: [String: String], _ line: Int) throws(AllowListError) -> Entry {
        func field(_ name: String) throws(AllowListError) -> String {
            guard let value = fields[name], !value.isEmpty else { throw .missingField(line: line, field: name) }
            return value
        }
        let pattern = try field("pattern")
        let reason = try field("reason")
        let link = try field("link")
        let expires = try field("expires")
        guard let day = Day(expires) else { throw .badDate(line: line, text: expires) }
        return Entry(pattern: pattern, reason: reason, link: link, expires: day, line: line)
    }

    /// The entries that no longer count on that day.
    public func expired(on today: Day) -> [Entry] { entries.filter { $0.expires < today } }

    /// What the list says of a splat.
    public enum Answer: Equatable, Sendable {
        case notListed
        case allowed(Entry)
        /// Only entries that no longer count cover it.
        case expired(Entry)
    }

    public func answer(_ splat: Splat, today: Day) -> Answer {
        let covering = entries.filter { splat.firstLine.has($0.pattern) }
        if let valid = covering.first(where: { $0.expires >= today }) { return .allowed(valid) }
        if let old = covering.first { return .expired(old) }
        return .notListed
    }
}

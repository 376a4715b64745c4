// SPDX-License-Identifier: GPL-2.0

internal import Results

/// Known splats that do not fail a scenario, each with a reason, a link and the last day on which it applies.
///
/// The format is in docs/results.md: paragraphs of `name: value` lines, `#` comments.
public struct AllowList: Equatable, Sendable {
    public struct Entry: Equatable, Sendable {
        /// Plain substring of a splat's first line; of a WARN(), in any of the forms that kernels print (`WarningLine`).
        public var pattern: String
        public var reason: String
        /// The report of the fault.
        public var link: String
        /// The last day on which the entry applies.
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

    /// Parses the bytes of an allow-list file.
    public init(bytes: some Collection<UInt8>) throws(AllowListError) {
        let lines: [Substring]
        do throws(ForeignText.Malformed) {
            lines = try ForeignText.readLines(bytes)
        } catch {
            throw .notText(error)
        }
        try self.init(lines: lines)
    }

    /// Parses the text of an allow-list file.
    public init(text: String) throws(AllowListError) { try self.init(bytes: text.utf8) }

    private init(lines: [Substring]) throws(AllowListError) {
        entries = []
        var fields: [String: String] = [:]
        var start = 0
        for (index, raw) in (lines + [""]).enumerated() {
            let line = raw.trimmed
            if line.isEmpty {
                if !fields.isEmpty { entries.append(try Self.entry(fields, start)) }
                fields = [:]
                continue
            }
            if line.begins(with: "#") { continue }
            guard let (before, after) = line.divided(at: ":"), case let name = String(before),
                ["pattern", "reason", "link", "expires"].contains(name)
            else { throw .malformedLine(line: index + 1, text: String(line.prefix(120))) }
            guard fields[name] == nil else { throw .repeatedField(line: index + 1, field: name) }
            if fields.isEmpty { start = index + 1 }
            let value = after.trimmed
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

    /// The entries that have expired by that day.
    public func expired(on today: Day) -> [Entry] { entries.filter { $0.expires < today } }

    /// How the list applies to a splat.
    public enum Answer: Equatable, Sendable {
        case notListed
        case allowed(Entry)
        /// Only expired entries cover it.
        case expired(Entry)
    }

    public func answer(_ splat: Splat, today: Day) -> Answer {
        // What is not there cannot be a known fault.
        guard !splat.kind.isLostEvidence else { return .notListed }
        let forms = WarningLine.forms(of: splat.firstLine)
        let covering = entries.filter { entry in forms.contains { $0.has(entry.pattern) } }
        if let valid = covering.first(where: { $0.expires >= today }) { return .allowed(valid) }
        if let old = covering.first { return .expired(old) }
        return .notListed
    }
}

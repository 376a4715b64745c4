// SPDX-License-Identifier: GPL-2.0

import Results

/// The `Key: value` lines above a mutant's patch; a line that begins with a space continues the value before it.
struct MutantHeader {
    private static let known = ["SPDX-License-Identifier", "Subject", "Class", "Bug", "Expect", "Filter", "Profile", "Only", "Missed"]

    private let path: String
    private var values: [String: String] = [:]

    init(_ lines: ArraySlice<String>, path: String) throws {
        self.path = path
        var last: String?
        for (number, raw) in lines.enumerated() {
            // A header may be written with CR LF over a diff without.
            let line = raw.utf8.last == UInt8(ascii: "\r") ? Substring(raw.utf8.dropLast()) : raw[...]
            if line.trimmed.isEmpty {
                last = nil
            } else if line.begins(with: " ") || line.begins(with: "\t") {
                guard let last else { throw Self.bad(path, number, "continues no value: \"\(line.prefix(60))\"") }
                values[last, default: ""] += " " + line.trimmed
            } else {
                guard let (name, value) = line.divided(at: ":") else {
                    throw Self.bad(path, number, "is neither \"Key: value\" nor the start of a diff: \"\(line.prefix(60))\"")
                }
                let key = String(name)
                guard Self.known.contains(key) else {
                    throw Self.bad(path, number, "has the unknown key \"\(key.prefix(40))\"; known are \(Self.known.joined(separator: ", "))")
                }
                guard values[key] == nil else { throw Self.bad(path, number, "has \(key) a second time") }
                values[key] = String(value.trimmed)
                last = key
            }
        }
    }

    /// - Throws: `HarnessError` of kind `.input` where the header does not have the key.
    func required(_ key: String) throws -> String {
        guard let value = optional(key) else {
            throw HarnessError(.input, "\(path): the header has no \(key):", hint: "docs/mutants.md describes the format")
        }
        return value
    }

    func optional(_ key: String) -> String? { values[key].flatMap { $0.isEmpty ? nil : $0 } }

    func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _: Choice.Type) throws -> Choice where Choice.RawValue == String {
        let value = try required(key)
        guard let choice = Choice(rawValue: value) else {
            throw HarnessError(
                .input, "\(path): \(key) is \"\(value)\"", hint: "it is one of: " + Choice.allCases.map { $0.rawValue }.joined(separator: ", "))
        }
        return choice
    }

    func optionalChoice<Choice: RawRepresentable & CaseIterable>(_ key: String, _ kind: Choice.Type) throws -> Choice?
    where Choice.RawValue == String {
        optional(key) == nil ? nil : try choice(key, kind)
    }

    private static func bad(_ path: String, _ number: Int, _ what: String) -> HarnessError {
        HarnessError(.input, "\(path):\(number + 1): the line \(what)", hint: "docs/mutants.md describes the format")
    }
}

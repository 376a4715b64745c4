// SPDX-License-Identifier: GPL-2.0

import Foundation

/// One requested option.
struct ConfigOption: Equatable, Sendable {
    /// With its prefix: "CONFIG_NET".
    var name: String
    /// As .config writes it: y, m, n, a number, or a string in quotes.
    var value: String
    /// Where it is requested: "vm/config/fast.config:12" or "--set".
    var origin: String
    /// Not checked in the read-back: some kernel versions lack it.
    var optional: Bool
    /// Requested by the caller, not by a profile of the harness.
    var byUser: Bool

    /// The line in .config's form.
    var line: String { value == "n" ? "# \(name) is not set" : "\(name)=\(value)" }
}

/// Reads configuration fragments: lines in .config's form, with two marks of the harness.
///
/// `# base: NAME` in the first line puts NAME.config of the same folder before this one. `# optional` excludes the options
/// down to the next blank line from the read-back.
enum ConfigFragment {
    /// The profile that a fragment builds on.
    static func base(of text: String) -> String? {
        let first = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
        guard first.hasPrefix("# base:") else { return nil }
        return first.dropFirst("# base:".count).trimmingCharacters(in: .whitespaces)
    }

    /// - Throws: `HarnessError` of kind `.input` that names the file and the line.
    static func parse(_ text: String, origin: String, byUser: Bool = false) throws -> [ConfigOption] {
        var options: [ConfigOption] = []
        var optional = false
        for (number, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = raw.trimmingCharacters(in: .whitespaces)
            if line.isEmpty { optional = false }
            if line == "# optional" { optional = true }
            let place = "\(origin):\(number + 1)"
            if let (name, value) = notSet(line) {
                options.append(ConfigOption(name: name, value: value, origin: place, optional: optional, byUser: byUser))
            } else if !line.isEmpty, !line.hasPrefix("#") {
                guard line.hasPrefix("CONFIG_"), let (name, value) = assignment(line) else {
                    throw HarnessError(
                        .input, "\(place): \"\(line)\" is not a configuration line", hint: "write CONFIG_NAME=value or # CONFIG_NAME is not set")
                }
                options.append(ConfigOption(name: name, value: value, origin: place, optional: optional, byUser: byUser))
            }
        }
        return options
    }

    /// `K=V` or `CONFIG_K=V`, as `--set` takes it.
    ///
    /// - Throws: `HarnessError` of kind `.input`.
    static func parseSet(_ text: String) throws -> ConfigOption {
        let line = text.hasPrefix("CONFIG_") ? text : "CONFIG_" + text
        guard let (name, value) = assignment(line) else {
            throw HarnessError(
                .input, "--set \(Command.quote(text)) is not an option", hint: "write --set NAME=value, such as --set KASAN=y or --set NR_CPUS=4")
        }
        return ConfigOption(name: name, value: value, origin: "--set \(text)", optional: false, byUser: true)
    }

    /// The values of a .config; "n" for "is not set".
    static func values(of dotConfig: String) -> [String: String] {
        var values: [String: String] = [:]
        for raw in dotConfig.split(separator: "\n") {
            let line = String(raw)
            if let (name, value) = notSet(line) {
                values[name] = value
            } else if line.hasPrefix("CONFIG_"), let equals = line.firstIndex(of: "=") {
                values[String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
        }
        return values
    }

    private static func notSet(_ line: String) -> (String, String)? {
        guard line.hasPrefix("# CONFIG_"), line.hasSuffix(" is not set") else { return nil }
        let name = String(line.dropFirst(2).dropLast(" is not set".count))
        return isName(name) ? (name, "n") : nil
    }

    private static func assignment(_ line: String) -> (String, String)? {
        guard let equals = line.firstIndex(of: "=") else { return nil }
        let name = String(line[..<equals])
        let value = String(line[line.index(after: equals)...])
        guard isName(name), !value.isEmpty, !value.contains("\n") else { return nil }
        return (name, quoted(value))
    }

    private static func isName(_ name: String) -> Bool {
        name.count > "CONFIG_".count
            && name.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            }
    }

    /// A value that is neither a tristate nor a number is a string: .config has it in quotes.
    private static func quoted(_ value: String) -> String {
        if ["y", "m", "n"].contains(value) || value.hasPrefix("\"") || Int(value) != nil { return value }
        if value.hasPrefix("0x"), UInt64(value.dropFirst(2), radix: 16) != nil { return value }
        return "\"" + value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"") + "\""
    }
}

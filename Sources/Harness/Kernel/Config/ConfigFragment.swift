// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// One requested option.
package struct ConfigOption: Equatable, Sendable {
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
package enum ConfigFragment {
    /// The profile that a fragment builds on.
    package static func base(of lines: [Substring]) -> String? {
        guard let first = lines.first, first.begins(with: "# base:") else { return nil }
        return String(first.dropFirst("# base:".count).trimmed)
    }

    /// The lines of a fragment.
    ///
    /// - Throws: `HarnessError` of kind `.input` where it is no text: a line that is read as another one would be an option that nobody requested.
    package static func lines(_ bytes: some Collection<UInt8>, origin: String) throws -> [Substring] {
        do throws(ForeignText.Malformed) {
            return try ForeignText.readLines(bytes)
        } catch {
            throw HarnessError(
                .input, "\(origin):\(error.line): the line \(error.what)",
                hint: "a configuration fragment is UTF-8 text with a line for each option; its lines end in LF or CR LF")
        }
    }

    /// - Throws: `HarnessError` of kind `.input` that names the file and the line.
    static func parse(_ text: String, origin: String, byUser: Bool = false) throws -> [ConfigOption] {
        try parse(lines(text.utf8, origin: origin), origin: origin, byUser: byUser)
    }

    /// The options of lines that `lines(_:origin:)` returned.
    package static func parse(_ lines: [Substring], origin: String, byUser: Bool = false) throws -> [ConfigOption] {
        var options: [ConfigOption] = []
        var optional = false
        for (number, raw) in lines.enumerated() {
            let line = raw.trimmed
            if line.isEmpty { optional = false }
            if line == "# optional" { optional = true }
            let place = "\(origin):\(number + 1)"
            if let (name, value) = notSet(line) {
                options.append(ConfigOption(name: name, value: value, origin: place, optional: optional, byUser: byUser))
            } else if !line.isEmpty, !line.begins(with: "#") {
                guard line.begins(with: "CONFIG_"), let (name, value) = assignment(line) else {
                    throw HarnessError(
                        .input, "\(place): \"\(line.prefix(120))\" is not a configuration line",
                        hint: "write CONFIG_NAME=value or # CONFIG_NAME is not set")
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
        let line = text.begins(with: "CONFIG_") ? text : "CONFIG_" + text
        guard let (name, value) = assignment(line) else {
            throw HarnessError(
                .input, "--set \(Command.quote(text)) is not an option", hint: "write --set NAME=value, such as --set KASAN=y or --set NR_CPUS=4")
        }
        return ConfigOption(name: name, value: value, origin: "--set \(text)", optional: false, byUser: true)
    }

    /// The values of a .config; "n" for "is not set".
    package static func values(of dotConfig: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in dotConfig.lines {
            if let (name, value) = notSet(line) {
                values[name] = value
            } else if line.begins(with: "CONFIG_"), let (name, value) = line.divided(at: "=") {
                values[String(name)] = String(value)
            }
        }
        return values
    }

    /// As Kconfig reads it (`conf_read_simple` in scripts/kconfig/confdata.c): what follows "is not set" does not count.
    private static func notSet(_ line: some StringProtocol) -> (String, String)? {
        guard line.begins(with: "# CONFIG_"), let (name, rest) = line.divided(at: " is not set") else { return nil }
        guard rest.isEmpty || rest.begins(with: " ") else { return nil }
        let option = String(name.dropFirst(2))
        return isName(option) ? (option, "n") : nil
    }

    private static func assignment(_ line: some StringProtocol) -> (String, String)? {
        guard let (name, value) = line.divided(at: "="), isName(String(name)), !value.isEmpty, !value.utf8.contains(UInt8(ascii: "\n")) else {
            return nil
        }
        return (String(name), quoted(String(value)))
    }

    private static func isName(_ name: String) -> Bool {
        name.utf8.count > "CONFIG_".utf8.count
            && name.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            }
    }

    /// A value that is neither a tristate nor a number is a string: .config has it in quotes.
    private static func quoted(_ value: String) -> String {
        if ["y", "m", "n"].contains(value) || value.begins(with: "\"") || Int(value) != nil { return value }
        if value.begins(with: "0x"), UInt64(value.dropFirst(2), radix: 16) != nil { return value }
        return "\"" + value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"") + "\""
    }
}

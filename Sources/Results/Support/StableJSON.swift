// SPDX-License-Identifier: GPL-2.0

public import FoundationEssentials

/// How ppiov writes JSON: keys sorted and slashes not escaped, so that the same value is the same bytes and two files can be compared
/// with diff. Characters that a terminal obeys or does not show are escaped, also those above U+007E, which JSON does not require.
public enum StableJSON {
    /// Indented, with a newline at the end: for files.
    public static func document(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return escaped(try encoder.encode(value)) + [UInt8(ascii: "\n")]
    }

    /// Without a newline inside, and without one at the end: for protocols of one message a line.
    public static func line(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return escaped(try encoder.encode(value))
    }

    /// Outside of its strings, JSON is of printable ASCII characters.
    private static func escaped(_ json: Data) -> Data {
        guard json.contains(where: { $0 >= 0x7f }) else { return json }
        var result: [UInt8] = []
        result.reserveCapacity(json.count)
        for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
            guard scalar.value >= 0x7f, Escaped.isInvisible(scalar) else {
                result += String(scalar).utf8
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                result += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            }
        }
        return Data(result)
    }
}

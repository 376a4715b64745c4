// SPDX-License-Identifier: GPL-2.0

public import FoundationEssentials

/// How ppiov writes JSON: keys sorted and slashes not escaped, so that the same value is the same bytes and two files can be compared
/// with diff.
public enum StableJSON {
    /// Indented, with a newline at the end: for files.
    public static func document(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value) + [UInt8(ascii: "\n")]
    }

    /// Without a newline inside, and without one at the end: for protocols of one message a line.
    public static func line(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }
}

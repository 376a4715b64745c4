// SPDX-License-Identifier: GPL-2.0

/// A record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg): "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,caller=T1];TEXT", then lines with a
/// leading space that describe the device.
public struct KernelRecord: Sendable {
    private let sequence: UInt64?
    private let prefix: String
    private let texts: [String]

    /// nil where it is no record.
    public init?(_ record: some Collection<UInt8>) {
        let record = Array(record)
        guard let semicolon = record.firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let fields = record[..<semicolon].split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
        sequence = fields.dropFirst().first.flatMap { UInt64($0) }
        let microseconds = fields.dropFirst(2).first.flatMap { UInt64($0) } ?? 0
        let fraction = String(microseconds % 1_000_000)
        let caller = fields.lazy.compactMap { $0.rest(behind: "caller=") }.first.map { "[\($0)] " } ?? ""
        prefix = "[\(microseconds / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)] " + caller
        let text = record[record.index(after: semicolon)...].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).first
        // A message of several lines has its newlines escaped, as all that is not printable.
        texts = Self.unescaped(text.map { Array($0) } ?? []).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// Its lines as on a console; before them a line that says how many messages were lost.
    ///
    /// - Parameter next: the number of the record that should follow, nil where any may; then that of the one after this.
    public func lines(after next: inout UInt64?) -> [String] {
        var lines: [String] = []
        if let next, let sequence, sequence > next { lines.append("** \(sequence - next) printk messages dropped **") }
        next = sequence.map { $0 &+ 1 } ?? next
        return lines + texts.map { prefix + $0 }
    }

    /// "\x0a" is a byte in hexadecimal.
    private static func unescaped(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var at = 0
        while at < text.count {
            if text[at] == UInt8(ascii: "\\"), at + 3 < text.count, text[at + 1] == UInt8(ascii: "x"),
                let byte = UInt8(String(decoding: text[(at + 2)...(at + 3)], as: UTF8.self), radix: 16)
            {
                result.append(byte)
                at += 4
            } else {
                result.append(text[at])
                at += 1
            }
        }
        return result
    }
}

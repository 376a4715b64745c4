// SPDX-License-Identifier: GPL-2.0

/// An address of a kernel object. In JSON it is a string, "0xffff888004870800": JavaScript and jq read numbers as doubles, which have
/// 53 bits, and would round it.
public struct KernelAddress: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible, ExpressibleByIntegerLiteral {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public init(integerLiteral value: UInt64) { rawValue = value }

    /// - Parameter description: "0x" and hexadecimal digits; nil for anything else.
    public init?(_ description: some StringProtocol) {
        guard description.hasPrefix("0x"), let value = UInt64(description.dropFirst(2), radix: 16) else { return nil }
        rawValue = value
    }

    public var description: String { "0x" + String(rawValue, radix: 16) }

    /// Reads a string, or the number that files of schema 1 have.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(UInt64.self) {
            rawValue = number
            return
        }
        let text = try container.decode(String.self)
        guard let address = KernelAddress(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is no address: 0x and hexadecimal digits")
        }
        self = address
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

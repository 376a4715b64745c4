// SPDX-License-Identifier: GPL-2.0

/// The secret from which the tokens in the marks of one scenario are made.
///
/// Every program of a guest can write to /dev/kmsg and to trace_marker, and the kernel log has task names. So a mark counts only with its
/// token. The host draws a key for each command and sends it to the agent: the random numbers of a guest that starts from a snapshot are
/// those of the snapshot. A token is SipHash-2-4 of the mark's name with the key: a token that was read in the log does not give any other.
public struct MarkKey: RawRepresentable, Codable, Sendable, Hashable {
    private let first, second: UInt64

    /// Draws a key from the system's random numbers (getrandom(2)).
    public init() { (first, second) = (.random(in: 0 ... .max), .random(in: 0 ... .max)) }

    /// - Parameter rawValue: 32 hexadecimal digits; nil for anything else.
    public init?(rawValue: String) {
        let digits = Array(rawValue.utf8)
        guard digits.count == 32, let first = UInt64(String(decoding: digits[..<16], as: UTF8.self), radix: 16),
            let second = UInt64(String(decoding: digits[16...], as: UTF8.self), radix: 16)
        else { return nil }
        (self.first, self.second) = (first, second)
    }

    /// 32 hexadecimal digits.
    public var rawValue: String { Self.hex(first) + Self.hex(second) }

    /// The token of the mark of that name: 16 hexadecimal digits.
    public func token(_ name: String) -> String { Self.hex(Self.sipHash(Array(name.utf8), first, second)) }

    /// The token of the marks in the trace: one for all, as a reader of pages has no order of them.
    public var traceToken: String { token("trace") }

    private static func hex(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// SipHash-2-4 (Aumasson and Bernstein, 2012).
    ///
    /// - Parameters:
    ///   - k0: the first 8 bytes of the key, little endian.
    ///   - k1: the last 8 bytes.
    static func sipHash(_ message: [UInt8], _ k0: UInt64, _ k1: UInt64) -> UInt64 {
        var v0 = k0 ^ 0x736f_6d65_7073_6575, v1 = k1 ^ 0x646f_7261_6e64_6f6d
        var v2 = k0 ^ 0x6c79_6765_6e65_7261, v3 = k1 ^ 0x7465_6462_7974_6573
        func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 { word << bits | word >> (64 - bits) }
        func round() {
            v0 = v0 &+ v1
            v1 = rotated(v1, 13) ^ v0
            v0 = rotated(v0, 32)
            v2 = v2 &+ v3
            v3 = rotated(v3, 16) ^ v2
            v0 = v0 &+ v3
            v3 = rotated(v3, 21) ^ v0
            v2 = v2 &+ v1
            v1 = rotated(v1, 17) ^ v2
            v2 = rotated(v2, 32)
        }
        func add(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }
        var rest = message[...]
        while rest.count >= 8 {
            add(rest.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) })
            rest = rest.dropFirst(8)
        }
        // The last word has the length in its highest byte.
        add(UInt64(message.count & 0xff) << 56 | rest.reversed().reduce(0) { $0 << 8 | UInt64($1) })
        v2 ^= 0xff
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }
}

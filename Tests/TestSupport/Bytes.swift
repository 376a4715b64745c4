// SPDX-License-Identifier: GPL-2.0

/// The bytes of an integer, the lowest first: as an x86-64 kernel writes it.
public func littleEndian<I: FixedWidthInteger>(_ value: I) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
}

/// The bytes of pairs of hexadecimal digits; spaces, line ends and `|` between them are skipped.
public func hexBytes(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace && $0 != "|" }.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

// SPDX-License-Identifier: GPL-2.0

import TestSupport

extension DatWriter.Compression {
    /// zlib's format with stored blocks only (RFC 1950, RFC 1951): whatever bytes are changed in it, a reader comes to the contents.
    public static let storedZlib = DatWriter.Compression(name: "zlib") { block in
        var bytes: [UInt8] = [0x78, 0x01]
        let size = 65535
        for start in stride(from: 0, to: max(1, block.count), by: size) {
            let part = block[start...].prefix(size)
            let count = UInt16(part.count)
            bytes += [start + size >= block.count ? 1 : 0] + littleEndian(count) + littleEndian(~count) + part
        }
        return bytes + littleEndian(adler32(block)).reversed()
    }

    /// A zstd frame with raw blocks only and without a checksum (RFC 8878, section 3).
    public static let storedZstd = DatWriter.Compression(name: "zstd") { block in
        // Single segment, the size of the contents in four bytes.
        var bytes: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0xa0] + littleEndian(UInt32(block.count))
        let size = 1 << 17
        for start in stride(from: 0, to: max(1, block.count), by: size) {
            let part = block[start...].prefix(size)
            let header = UInt32(part.count) << 3 | (start + size >= block.count ? 1 : 0)
            bytes += littleEndian(header).prefix(3) + part
        }
        return bytes
    }

    private static func adler32(_ bytes: [UInt8]) -> UInt32 {
        var (low, high): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            low = (low + UInt32(byte)) % 65521
            high = (high + low) % 65521
        }
        return high << 16 | low
    }
}

// SPDX-License-Identifier: GPL-2.0

internal import CCompression
package import LifeCycle

/// The compressions of a trace.dat, by the names that trace-cmd writes into the file.
package enum Decompression {
    package static let all: [String: TraceDecompressor] = ["zstd": zstd, "zlib": zlib]

    static let zstd: TraceDecompressor = { block, size in decompress(block, size, ppiov_zstd_decompress) }
    static let zlib: TraceDecompressor = { block, size in decompress(block, size, ppiov_zlib_decompress) }

    private typealias Function = (UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Int) -> Int

    /// - Returns: nil where the block is not one of this compression, or has not exactly that many bytes in it.
    private static func decompress(_ block: [UInt8], _ size: Int, _ function: Function) -> [UInt8]? {
        let contents = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            let written = block.withUnsafeBytes { function(buffer.baseAddress, size, $0.baseAddress, $0.count) }
            count = max(0, min(written, size))
        }
        return contents.count == size ? contents : nil
    }
}

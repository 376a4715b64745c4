// SPDX-License-Identifier: GPL-2.0

import Foundation
import LifeCycle
import TestSupport

/// The compressions of trace-cmd, by the programs that scripts/setup installs.
public enum RealCompression: String, CaseIterable, Sendable {
    case zstd, zlib

    private func command(_ files: [String]) -> [String] {
        switch self {
        case .zstd: ["zstd", "-q", "-f"] + files
        case .zlib:
            [
                "python3", "-c",
                "import sys, zlib\nfor f in sys.argv[1:]: open(f + '.zst', 'wb').write(zlib.compress(open(f, 'rb').read(), 9))",
            ] + files
        }
    }

    /// Each block compressed.
    func compress(_ blocks: [[UInt8]]) async throws -> [[UInt8]: [UInt8]] {
        let folder = try TemporaryFolder()
        var files: [String] = []
        for (index, block) in blocks.enumerated() {
            files.append("\(folder.path)/\(index)")
            try Data(block).write(to: URL(fileURLWithPath: files[index]))
        }
        let result = try await runProgram(command(files))
        guard result.code == 0 else { throw CocoaError(.executableLoad, userInfo: [NSDebugDescriptionErrorKey: result.errors]) }
        var compressed: [[UInt8]: [UInt8]] = [:]
        for (file, block) in zip(files, blocks) { compressed[block] = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file + ".zst"))) }
        return compressed
    }
}

extension DatWriter {
    /// A trace.dat of version 7 with a compression of trace-cmd.
    public func bytes(
        _ buffers: [(name: String, pages: [UInt32: [UInt8]])], _ compression: RealCompression
    ) async throws -> [UInt8] {
        // Written twice: which blocks there are is known when it was written once.
        final class Blocks: @unchecked Sendable { var all: [[UInt8]] = [] }
        let blocks = Blocks()
        var writer = self
        writer.compression = Compression(name: compression.rawValue) { block in
            blocks.all.append(block)
            return block
        }
        _ = try writer.bytes(buffers)
        let compressed = try await compression.compress(blocks.all)
        writer.compression = Compression(name: compression.rawValue) { compressed[$0] ?? [] }
        return try writer.bytes(buffers)
    }
}

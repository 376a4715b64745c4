// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

/// A folder that `--kernel` accepts as a built tree, from the cached kernel: a run with a new cache then compiles nothing.
enum BuiltTree {
    struct NoELF: Error {}

    /// Makes it in `scratch`; returns its path.
    ///
    /// - Parameter damage: repeated over the first half of the kernel's text.
    static func make(in scratch: TemporaryFolder, damage: [UInt8] = []) async throws -> String {
        let build = try await UnderTest.build()
        try scratch.write("tree/include/config/kernel.release", build.release + "\n")
        let tree = scratch.path + "/tree"
        let config = (build.vmlinux as NSString).deletingLastPathComponent + "/config"
        try FileManager.default.copyItem(atPath: config, toPath: tree + "/.config")
        var kernel = try Data(contentsOf: URL(fileURLWithPath: build.vmlinux))
        if !damage.isEmpty {
            let text = try textSegment(kernel)
            for offset in 0..<(text.count / 2) { kernel[text.lowerBound + offset] = damage[offset % damage.count] }
        }
        try kernel.write(to: URL(fileURLWithPath: tree + "/vmlinux"))
        return tree
    }

    /// The range of the first executable segment in a 64-bit little-endian ELF file.
    private static func textSegment(_ file: Data) throws -> Range<Int> {
        func number(_ offset: Int, _ bytes: Int) -> Int { (0..<bytes).reduce(0) { $0 | Int(file[offset + $1]) << (8 * $1) } }
        guard file.count > 64, file.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]) else { throw NoELF() }
        let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2))
        for header in stride(from: table, to: table + size * count, by: size) {
            let isLoad = number(header, 4) == 1, isExecutable = number(header + 4, 4) & 1 == 1
            guard isLoad, isExecutable else { continue }
            let start = number(header + 8, 8)
            return start..<start + number(header + 32, 8)
        }
        throw NoELF()
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport

/// The files of /proc and /sys of a machine, below a folder.
struct HostTree {
    let scratch: TemporaryFolder

    /// - Parameter files: by path, with their bytes.
    init(_ files: [String: String]) throws {
        scratch = try TemporaryFolder()
        for (path, text) in files { try scratch.write(path, text) }
    }

    var root: String { scratch.path }

    /// A file whose path or content is not text.
    func write(_ path: [UInt8], _ bytes: [UInt8]) throws {
        let whole = Array(root.utf8) + path
        for end in whole.indices where whole[end] == UInt8(ascii: "/") && end > root.utf8.count {
            _ = Self.with(Array(whole[..<end])) { mkdir($0, 0o755) }
        }
        guard let file = Self.with(whole, { fopen($0, "w") }) ?? nil else { throw CocoaError(.fileWriteUnknown) }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw CocoaError(.fileWriteUnknown) }
    }

    private static func with<Value>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Value) -> Value? {
        (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { $0.baseAddress.map(body) }
    }
}

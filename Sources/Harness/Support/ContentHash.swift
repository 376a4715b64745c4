// SPDX-License-Identifier: GPL-2.0

import Crypto
import Foundation
import Glibc

/// SHA-256, in hexadecimal.
enum ContentHash {
    static func of(_ data: Data) -> String { hex(SHA256.hash(data: data)) }

    static func of(_ text: String) -> String { of(Data(text.utf8)) }

    /// The hash of a file's content.
    ///
    /// - Throws: `HarnessError` of kind `.input` that names the file.
    static func ofFile(_ path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { close(descriptor) }
        var hash = SHA256()
        // Small and not cleared: a kernel tree has 100,000 files of 15 KB.
        try withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 64) { buffer in
            while true {
                try Cancellation.check()
                let count = read(descriptor, buffer.baseAddress, buffer.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw unreadable(path)
                }
                if count == 0 { return }
                hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
        return hex(hash.finalize())
    }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func unreadable(_ path: String) -> HarnessError {
        HarnessError(
            .input, "cannot read \(path): \(String(cString: strerror(errno)))", hint: "check that the file is there and that you may read it")
    }
}

// SPDX-License-Identifier: GPL-2.0

import Crypto
import Foundation
import Glibc

/// Copies a file and hashes it in one pass: the hash is that of the bytes written.
enum HashedCopy {
    /// - Returns: the SHA-256 of the copy, in hexadecimal; nil where `source` cannot be read as a plain file.
    /// - Throws: `HarnessError` where the copy cannot be written.
    static func copy(_ source: String, to target: String, executable: Bool) throws -> String? {
        let input = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard input >= 0 else { return nil }
        defer { close(input) }
        let output = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard output >= 0 else { throw failure(target) }
        defer { close(output) }
        guard fchmod(output, executable ? 0o755 : 0o644) == 0 else { throw failure(target) }
        var hash = SHA256()
        return try withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 64) { buffer in
            while true {
                let count = read(input, buffer.baseAddress, buffer.count)
                if count < 0, errno == EINTR { continue }
                if count < 0 { return nil }
                if count == 0 { return ContentHash.hex(hash.finalize()) }
                let chunk = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                hash.update(bufferPointer: chunk)
                try write(chunk, to: output, target)
            }
        }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to output: Int32, _ target: String) throws {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = Glibc.write(output, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(target) }
            done += count
        }
    }

    private static func failure(_ target: String) -> HarnessError {
        let code = errno
        if code == ENOSPC || code == EDQUOT { return Files.full("write \(target)") }
        return HarnessError(
            .harness, "cannot write \(target): \(String(cString: strerror(code)))", hint: "check the folder's permissions and its free space")
    }
}

// SPDX-License-Identifier: GPL-2.0

import Crypto
import Foundation
import Glibc

/// The hash that names the objects of a git repository.
enum BlobFormat: String, Sendable {
    case sha1, sha256

    /// The hexadecimal digits of one.
    var digits: Int { self == .sha1 ? 40 : 64 }
}

/// git's hash of a blob: that of "blob SIZE", a NUL byte, and the content.
private struct BlobHash {
    private var sha1: Insecure.SHA1?
    private var sha256: SHA256?

    init(_ format: BlobFormat, size: Int64) {
        switch format {
        case .sha1: sha1 = Insecure.SHA1()
        case .sha256: sha256 = SHA256()
        }
        Array("blob \(size)\u{0}".utf8).withUnsafeBytes { update($0) }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        sha1?.update(bufferPointer: bytes)
        sha256?.update(bufferPointer: bytes)
    }

    var finalized: String { sha1.map { ContentHash.hex($0.finalize()) } ?? sha256.map { ContentHash.hex($0.finalize()) } ?? "" }
}

/// SHA-256, in hexadecimal.
enum ContentHash {
    static func of(_ data: Data) -> String { hex(SHA256.hash(data: data)) }

    static func of(_ text: String) -> String { of(Data(text.utf8)) }

    /// The hash of a file's content.
    ///
    /// - Throws: `HarnessError` of kind `.input` that names the file.
    static func ofFile(_ path: String) throws -> String { try ofFile(path, size: 0, nil).hash }

    /// The hash of a file's content, and that of the blob that git makes of these bytes without a filter.
    ///
    /// - Parameters:
    ///   - size: the file's, which git's hash begins with.
    ///   - format: of git's hash; nil for none, which is "".
    static func ofFile(_ path: String, size: Int64, _ format: BlobFormat?) throws -> (hash: String, blob: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { close(descriptor) }
        var hash = SHA256()
        var blob = format.map { BlobHash($0, size: size) }
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
                let chunk = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                hash.update(bufferPointer: chunk)
                blob?.update(chunk)
            }
        }
        return (hex(hash.finalize()), blob?.finalized ?? "")
    }

    /// The hash of the blob that git makes of these bytes.
    static func blob(_ bytes: [UInt8], _ format: BlobFormat) -> String {
        var hash = BlobHash(format, size: Int64(bytes.count))
        bytes.withUnsafeBytes { hash.update($0) }
        return hash.finalized
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

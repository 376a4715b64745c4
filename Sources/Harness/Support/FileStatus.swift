// SPDX-License-Identifier: GPL-2.0

import Crypto
import Foundation
import Glibc

/// What lstat(2) says of a path.
struct FileStatus: Equatable, Sendable {
    enum Kind: Sendable { case file, folder, link, other }

    var kind: Kind
    var size: Int64
    /// Nanoseconds since 1970.
    var modified: Int64
    var inode: UInt64
    var executable: Bool

    /// nil where there is nothing, or nothing that may be looked at.
    init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: kind = .file
        case S_IFDIR: kind = .folder
        case S_IFLNK: kind = .link
        default: kind = .other
        }
        size = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        inode = UInt64(status.st_ino)
        executable = status.st_mode & S_IXUSR != 0
    }

    /// Sets a path's modification time, in nanoseconds since 1970, without following a symbolic link.
    static func setModified(_ path: String, _ nanoseconds: Int64) {
        let time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        _ = [time, time].withUnsafeBufferPointer { utimensat(AT_FDCWD, path, $0.baseAddress, AT_SYMLINK_NOFOLLOW) }
    }

    /// The clock that modification times are compared with.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// SHA-256, in hexadecimal.
enum ContentHash {
    static func of(_ data: Data) -> String { hex(SHA256.hash(data: data)) }

    static func of(_ text: String) -> String { of(Data(text.utf8)) }

    /// A file's content, read in pieces.
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
                try Task.checkCancellation()
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

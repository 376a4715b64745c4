// SPDX-License-Identifier: GPL-2.0

import Glibc

/// Small files of /proc and /sys, and their paths, as bytes.
enum HostFile {
    /// The file's bytes, at most 4 MiB; nil where it cannot be read.
    static func read(_ path: [UInt8]) -> [UInt8]? {
        guard !path.contains(0) else { return nil }
        let descriptor = (path + [0]).withUnsafeBytes { bytes in
            bytes.baseAddress.map { open($0.assumingMemoryBound(to: CChar.self), O_RDONLY | O_CLOEXEC | O_NONBLOCK) } ?? -1
        }
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < 4 << 20 {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            bytes += buffer.prefix(count)
        }
        return bytes
    }

    /// Whether a path is the folder or is in it.
    static func isBelow(_ path: [UInt8], _ folder: [UInt8]) -> Bool {
        guard path.starts(with: folder) else { return false }
        return folder.last == slash || path.count == folder.count || path[folder.count] == slash
    }

    static let slash = UInt8(ascii: "/")

    /// A path for the reader, with each byte that is no printable ASCII as \xNN.
    static func printable(_ path: [UInt8]) -> String {
        path.map { byte in
            (0x20...0x7e).contains(byte) && byte != UInt8(ascii: "\\")
                ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}

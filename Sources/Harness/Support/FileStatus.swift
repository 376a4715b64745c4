// SPDX-License-Identifier: GPL-2.0

import Glibc

/// What lstat(2) returns for a path.
struct FileStatus: Equatable, Sendable {
    enum Kind: Sendable { case file, folder, link, other }

    var kind: Kind
    var size: Int64
    /// Nanoseconds since 1970.
    var modified: Int64
    /// When content or attributes last changed, in nanoseconds since 1970; it cannot be set.
    var changed: Int64
    var inode: UInt64
    var executable: Bool

    /// nil where lstat(2) fails: there is no such file, or it is not permitted.
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
        changed = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
        inode = UInt64(status.st_ino)
        executable = status.st_mode & S_IXUSR != 0
    }

    /// The first letter of `TreeIndex.Record.identity`.
    var letter: UInt8 { kind == .link ? UInt8(ascii: "l") : executable ? UInt8(ascii: "x") : UInt8(ascii: "-") }

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

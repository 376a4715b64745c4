// SPDX-License-Identifier: GPL-2.0

/// The mounts of /proc/self/mountinfo (proc_pid_mountinfo(5)). Paths are bytes: a mount point may have any name.
struct MountTable: Sendable, Equatable {
    struct Mount: Sendable, Equatable {
        /// The folder of the file system that is mounted.
        var root: [UInt8]
        var point: [UInt8]
        /// "ext4", "cgroup2", "fuse.sshfs".
        var type: String
        /// The options of the file system; a cgroup v1 hierarchy has its controllers among them.
        var options: [String]
    }

    var mounts: [Mount]

    init(_ bytes: [UInt8]) {
        mounts = bytes.split(separator: UInt8(ascii: "\n")).compactMap(Self.mount)
    }

    /// The mount that a path is on: the last one with the longest mount point above it.
    ///
    /// - Parameter path: absolute and without symbolic links.
    func mount(of path: [UInt8]) -> Mount? {
        var found: Mount?
        for mount in mounts where HostFile.isBelow(path, mount.point) && mount.point.count >= found?.point.count ?? 0 { found = mount }
        return found
    }

    /// "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE OPTIONS"; nil for any other line.
    private static func mount(_ line: ArraySlice<UInt8>) -> Mount? {
        // The source may be empty.
        let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard let dash = fields.indices.dropFirst(6).first(where: { fields[$0].elementsEqual("-".utf8) }), dash + 3 < fields.count else { return nil }
        return Mount(
            root: unescaped(fields[3]), point: unescaped(fields[4]), type: String(decoding: fields[dash + 1], as: UTF8.self),
            options: fields[fields.count - 1].split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) })
    }

    /// The kernel writes space, tab, newline and backslash as three octal digits (show_mountinfo, seq_path).
    private static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            guard byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }) else {
                bytes.append(byte)
                continue
            }
            let value = digits.reduce(0) { $0 * 8 + Int($1 - UInt8(ascii: "0")) }
            bytes.append(UInt8(truncatingIfNeeded: value))
            rest = rest.dropFirst(3)
        }
        return bytes
    }
}

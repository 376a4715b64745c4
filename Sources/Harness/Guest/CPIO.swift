// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A cpio archive in the "newc" format, which the kernel unpacks as its initramfs (Documentation/driver-api/early-userspace/buffer-format.rst).
///
/// The same entries give the same bytes: they are sorted, owned by root, and have no times.
struct CPIO {
    private enum Entry {
        case directory
        case file([UInt8], mode: UInt32)
        case symbolicLink(String)
    }

    private var entries: [String: Entry] = [:]

    /// Adds a file, and the directories above it.
    ///
    /// - Parameters:
    ///   - path: in the guest; a leading slash is dropped.
    ///   - mode: permission bits.
    /// - Throws: `HarnessError` (input) where the path is not valid, or is already in the archive.
    mutating func addFile(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws {
        guard bytes.count <= UInt32.max else { throw HarnessError(.input, "\(path) is too large for the guest's image") }
        try add(path, .file(bytes, mode: mode & 0o7777))
    }

    /// Adds a folder of the host with its contents. Symbolic links are not followed; sockets, devices and pipes are left out.
    ///
    /// - Throws: `HarnessError` where something cannot be read.
    mutating func addTree(_ folder: String, at guestPath: String) throws {
        guard Files.isFolder(folder) else {
            throw HarnessError(.harness, "cannot read \(folder), which the guest's image needs", hint: "run again: it is then made again")
        }
        try addDirectory(guestPath)
        for name in Files.names(in: folder) {
            try Cancellation.check()
            let (host, guest) = (folder + "/" + name, guestPath + "/" + name)
            switch Files.kind(host) {
            case .folder: try addTree(host, at: guest)
            case .link(let target): try addSymbolicLink(guest, to: target)
            case .file(let mode):
                guard let bytes = FileManager.default.contents(atPath: host) else {
                    throw HarnessError(.harness, "cannot read \(host), which the guest's image needs")
                }
                try addFile(guest, Array(bytes), mode: mode)
            case .other: break
            }
        }
    }

    mutating func addSymbolicLink(_ path: String, to target: String) throws { try add(path, .symbolicLink(target)) }

    mutating func addDirectory(_ path: String) throws { try add(path, .directory) }

    func contains(_ path: String) -> Bool { entries[path.split(separator: "/").joined(separator: "/")] != nil }

    private mutating func add(_ path: String, _ entry: Entry) throws {
        let parts = path.split(separator: "/")
        guard !parts.isEmpty, !parts.contains(".."), !parts.contains("."), !path.utf8.contains(0) else {
            throw HarnessError(.input, "\"\(path)\" is not a path in the guest's image")
        }
        for count in 1..<max(1, parts.count) {
            let parent = parts.prefix(count).joined(separator: "/")
            switch entries[parent] {
            case nil: entries[parent] = .directory
            case .directory: break
            default: throw HarnessError(.input, "\(path): /\(parent) is not a directory in the guest's image")
            }
        }
        let name = parts.joined(separator: "/")
        switch (entries[name], entry) {
        case (nil, _): entries[name] = entry
        case (.directory, .directory): break
        default: throw HarnessError(.input, "/\(name) is already in the guest's image")
        }
    }

    /// The archive, padded to 512 bytes as cpio does.
    func bytes() -> [UInt8] {
        var archive: [UInt8] = []
        archive.reserveCapacity(entries.values.reduce(64 << 10) { if case .file(let bytes, _) = $1 { $0 + bytes.count } else { $0 } })
        // A parent's name is a prefix of its children's, so the order of names puts it first.
        for (number, (name, entry)) in entries.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }).enumerated() {
            let inode = UInt32(number + 1)
            switch entry {
            case .directory: Self.append(&archive, name, inode: inode, mode: 0o040755, links: 2, [])
            case .file(let bytes, let mode): Self.append(&archive, name, inode: inode, mode: 0o100000 | mode, links: 1, bytes)
            case .symbolicLink(let target):
                Self.append(&archive, name, inode: inode, mode: 0o120777, links: 1, Array(target.utf8))
            }
        }
        Self.append(&archive, "TRAILER!!!", inode: 0, mode: 0, links: 1, [])
        archive.append(contentsOf: repeatElement(0, count: (512 - archive.count % 512) % 512))
        return archive
    }

    private static func append(
        _ archive: inout [UInt8], _ name: String, inode: UInt32, mode: UInt32, links: UInt32, _ bytes: [UInt8]
    ) {
        let nameSize = UInt32(name.utf8.count + 1)
        // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
        let fields: [UInt32] = [inode, mode, 0, 0, links, 0, UInt32(bytes.count), 0, 0, 0, 0, nameSize, 0]
        archive += Array("070701".utf8)
        for field in fields {
            let digits = String(field, radix: 16, uppercase: true)
            archive += Array((String(repeating: "0", count: 8 - digits.count) + digits).utf8)
        }
        archive += Array(name.utf8) + [0]
        pad(&archive)
        archive += bytes
        pad(&archive)
    }

    private static func pad(_ archive: inout [UInt8]) {
        while archive.count % 4 != 0 { archive.append(0) }
    }
}

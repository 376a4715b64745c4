// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Finished kernels, each in a folder named by its key: `kernels/KEY/{vmlinux,netdevsim.ko,config,build.json,build.log}`.
///
/// `requests/KEY` leads from what was asked for (source, options, compiler, patches) to the kernel it came to, so that
/// nothing need be configured to find it again.
struct BuildCache: Sendable {
    /// Changes with the layout and with how kernels are built.
    static let format = "2"

    var cache: Cache

    /// `build.json`: the build, and what its files must be for the entry to count.
    private struct Entry: Codable {
        var format: String
        var build: KernelBuild
        var sizes: [String: Int64]
    }

    func build(forRequest request: String) throws -> KernelBuild? {
        guard let key = Disk.text(try cache.folder("requests") + "/" + request), !key.isEmpty, !key.contains("/") else { return nil }
        return try build(forKey: key)
    }

    /// nil where there is no such entry or where it is damaged.
    func build(forKey key: String) throws -> KernelBuild? {
        let folder = try folder(key)
        guard let data = FileManager.default.contents(atPath: folder + "/build.json"),
            let entry = try? JSONDecoder().decode(Entry.self, from: data), entry.format == Self.format, entry.build.key == key,
            entry.sizes["vmlinux"] != nil, entry.sizes.allSatisfy({ FileStatus(folder + "/" + $0.key)?.size == $0.value }),
            Self.isELF(folder + "/vmlinux")
        else { return nil }
        return placed(entry.build, in: folder, hasModule: entry.sizes["netdevsim.ko"] != nil)
    }

    /// Puts a finished kernel's files into place, whole or not at all; an entry that is there and sound stays.
    func store(_ build: KernelBuild, vmlinux: String, module: String?, config: String, log: String, request: String) async throws -> KernelBuild {
        try await cache.locked("kernel-" + build.key) {
            if let kept = try self.build(forKey: build.key) {
                try remember(request, key: build.key)
                return kept
            }
            let folder = try folder(build.key)
            try Self.removeTemporaries(of: folder)
            let temporary = Disk.temporary(beside: folder)
            try Disk.makeFolder(temporary)
            defer { try? FileManager.default.removeItem(atPath: temporary) }
            var files = [("vmlinux", vmlinux), ("config", config), ("build.log", log)]
            if let module { files.append(("netdevsim.ko", module)) }
            var sizes: [String: Int64] = [:]
            for (name, path) in files {
                try Task.checkCancellation()
                try Disk.copy(path, to: temporary + "/" + name)
                sizes[name] = FileStatus(temporary + "/" + name)?.size
            }
            let placed = placed(build, in: folder, hasModule: module != nil)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let data = try Disk.trying("encode build.json") { try encoder.encode(Entry(format: Self.format, build: placed, sizes: sizes)) }
            try Disk.write(data, to: temporary + "/build.json")
            try Disk.remove(folder)
            try Disk.rename(temporary, to: folder)
            try remember(request, key: build.key)
            return placed
        }
    }

    func remember(_ request: String, key: String) throws {
        try Disk.write(key, to: try cache.folder("requests") + "/" + request)
    }

    /// Removes what runs that were killed left beside `path`; the caller holds its lock.
    static func removeTemporaries(of path: String) throws {
        let url = URL(fileURLWithPath: path)
        let parent = url.deletingLastPathComponent().path
        for name in Disk.names(in: parent) where name.hasPrefix(".\(url.lastPathComponent).tmp-") {
            try Disk.remove(parent + "/" + name)
        }
    }

    private func folder(_ key: String) throws -> String { try cache.folder("kernels") + "/" + key }

    /// The entry's paths, as they are now: the cache may have been moved.
    private func placed(_ build: KernelBuild, in folder: String, hasModule: Bool) -> KernelBuild {
        var build = build
        build.vmlinux = folder + "/vmlinux"
        build.netdevsim = hasModule ? folder + "/netdevsim.ko" : nil
        build.log = folder + "/build.log"
        return build
    }

    private static func isELF(_ path: String) -> Bool {
        guard let handle = FileHandle(forReadingAtPath: path) else { return false }
        defer { try? handle.close() }
        return (try? handle.read(upToCount: 4)) == Data([0x7f, 0x45, 0x4c, 0x46])
    }
}

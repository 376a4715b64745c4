// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Finished kernels, each in a folder named by its key: `kernels/KEY/{vmlinux,netdevsim.ko,config,build.json,build.log}`.
///
/// `requests/KEY` has the key of the kernel that a request (source, options, compiler, patches) was built to, so that it is found
/// without a configuration.
struct BuildCache: Sendable {
    /// To be changed with the layout, and when kernels are built in another way.
    static let format = "2"

    var cache: Cache

    /// `build.json`: the build, and the sizes that its files must have for the entry to be valid.
    private struct Entry: Codable {
        var format: String
        var build: KernelBuild
        var sizes: [String: Int64]
    }

    func build(forRequest request: String) throws -> KernelBuild? {
        guard let key = Files.text(try cache.folder("requests") + "/" + request), !key.isEmpty, !key.contains("/") else { return nil }
        return try build(forKey: key)
    }

    /// The entry; nil where there is none or it is damaged.
    func build(forKey key: String) throws -> KernelBuild? {
        let folder = try folder(key)
        guard let data = FileManager.default.contents(atPath: folder + "/build.json"),
            let entry = try? JSONDecoder().decode(Entry.self, from: data), entry.format == Self.format, entry.build.key == key,
            entry.sizes["vmlinux"] != nil, entry.sizes.allSatisfy({ FileStatus(folder + "/" + $0.key)?.size == $0.value }),
            Self.isELF(folder + "/vmlinux")
        else { return nil }
        return placed(entry.build, in: folder, hasModule: entry.sizes["netdevsim.ko"] != nil)
    }

    /// Adds a finished kernel to the cache, complete or not at all. A valid entry that is there already stays.
    func store(_ build: KernelBuild, vmlinux: String, module: String?, config: String, log: String, request: String) async throws -> KernelBuild {
        try await cache.locked("kernel-" + build.key) {
            if let present = try self.build(forKey: build.key) {
                try link(request, toKey: build.key)
                return present
            }
            let folder = try folder(build.key)
            try Files.removeTemporaries(of: folder)
            let temporary = Files.temporary(for: folder)
            try Files.makeFolder(temporary)
            defer { try? FileManager.default.removeItem(atPath: temporary) }
            var files = [("vmlinux", vmlinux), ("config", config), ("build.log", log)]
            if let module { files.append(("netdevsim.ko", module)) }
            var sizes: [String: Int64] = [:]
            for (name, path) in files {
                try await blocking { try Files.copy(path, to: temporary + "/" + name) }
                sizes[name] = FileStatus(temporary + "/" + name)?.size
            }
            let placed = placed(build, in: folder, hasModule: module != nil)
            try Files.write(json: Entry(format: Self.format, build: placed, sizes: sizes), to: temporary + "/build.json")
            try Files.remove(folder)
            try Files.rename(temporary, to: folder)
            try link(request, toKey: build.key)
            return placed
        }
    }

    /// Records that a request was built to the kernel of this key.
    func link(_ request: String, toKey key: String) throws {
        try Files.write(key, to: try cache.folder("requests") + "/" + request)
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

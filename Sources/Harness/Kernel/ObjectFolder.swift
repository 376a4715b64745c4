// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A kernel's `O=` folder, kept between builds so that only what changed is compiled.
struct ObjectFolder: Sendable {
    var path: String

    init(_ path: String) { self.path = path }

    private var marker: String { path + ".compiling" }

    /// Whether the last build there did not come to an end.
    var isHalf: Bool { FileStatus(marker) != nil }

    /// Makes the folder, and where the last build there did not come to an end, removes the objects it wrote last.
    ///
    /// A compiler that is killed can leave half an object, newer than its source, which make would then take for whole.
    func prepare() throws {
        try Disk.makeFolder(path)
        guard isHalf else { return }
        let objects = try TreeScan.everything(path).filter { $0.hasSuffix(".o") || $0.hasSuffix(".a") || $0.contains("vmlinux") }
            .compactMap { name in FileStatus(path + "/" + name).map { (name, $0.modified) } }
        let last = objects.map(\.1).max() ?? 0
        for (name, modified) in objects where last - modified < 60_000_000_000 { try Disk.remove(path + "/" + name) }
        end()
    }

    func begin() throws { try Disk.write("", to: marker) }

    func end() { try? FileManager.default.removeItem(atPath: marker) }
}

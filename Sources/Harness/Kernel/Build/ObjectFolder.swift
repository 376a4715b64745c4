// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A kernel's `O=` folder, kept between builds so that only what changed is compiled.
struct ObjectFolder: Sendable {
    var path: String

    init(_ path: String) { self.path = path }

    private var marker: String { path + ".compiling" }

    /// Whether the last build there was interrupted.
    var wasInterrupted: Bool { FileStatus(marker) != nil }

    /// Makes the folder, and removes the last objects of an interrupted build.
    ///
    /// A compiler that is killed can leave half an object, newer than its source: make would count it as complete.
    func prepare() throws {
        try Files.makeFolder(path)
        guard wasInterrupted else { return }
        let objects = try TreeScan.everything(path).filter { $0.hasSuffix(".o") || $0.hasSuffix(".a") || $0.contains("vmlinux") }
            .compactMap { name in FileStatus(path + "/" + name).map { (name, $0.modified) } }
        let last = objects.map(\.1).max() ?? 0
        for (name, modified) in objects where last - modified < 60_000_000_000 { try Files.remove(path + "/" + name) }
        end()
    }

    /// Marks that a build is under way.
    func begin() throws { try Files.write("", to: marker) }

    /// Marks that the build has ended.
    func end() { try? FileManager.default.removeItem(atPath: marker) }
}

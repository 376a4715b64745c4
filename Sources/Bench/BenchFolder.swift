// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness

/// The folder that the benchmark works in: a cache, a copy of the source in place of the user's tree, results.
struct BenchFolder: Sendable {
    let path: String
    private let kept: Bool

    /// - Parameter requested: a folder to use and to keep; nil for a new one, which `remove` removes.
    init(_ requested: String?) throws {
        kept = requested != nil
        let base = requested ?? NSTemporaryDirectory() + "/ppiov-bench-\(getpid())"
        path = URL(fileURLWithPath: base).standardizedFileURL.path
        for name in ["", "/xdg", "/out", "/home"] { try Files.makeFolder(path + name) }
    }

    /// Removes the folder, except where it is to be kept.
    func remove() {
        if !kept { try? FileManager.default.removeItem(atPath: path) }
    }

    var cache: String { path + "/xdg/ppiov" }
    var tree: String { path + "/tree" }
    var venv: String { path + "/venv" }
    /// For programs that write into a home folder.
    var home: String { path + "/home" }
    func log(_ name: String) -> String { path + "/\(name).log" }
    /// A results folder that is new.
    func out() -> String { path + "/out/" + UUID().uuidString }

    /// Copies from the user's cache what is slow to fetch or to build, and is not measured.
    func seed(from user: Cache) async throws {
        for name in ["apt", "downloads", "kernels", "requests", "probe"] where !Files.exists(cache + "/" + name) {
            guard Files.exists(user.root + "/" + name) else { continue }
            try Files.makeFolder(cache)
            try await Files.copy(user.root + "/" + name, to: cache + "/" + name)
        }
    }
}

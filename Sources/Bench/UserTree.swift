// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness

/// A plain folder with the kernel's source, in place of the tree of a developer who edits io_uring/zcrx.c.
struct UserTree: Sendable {
    let path: String

    private static let file = "io_uring/zcrx.c"
    private static let mark = "static const char ppiov_bench_edit[] __attribute__((used)) = "

    /// Changes the last line of zcrx.c to a new one.
    func edit() throws {
        let file = path + "/" + Self.file
        guard let text = Files.text(file) else {
            throw HarnessError(.input, "\(path) has no \(Self.file)", hint: "give --kernel a source of Linux 6.15 or later")
        }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix(Self.mark) }
        while lines.last?.isEmpty == true { lines.removeLast() }
        lines.append("\(Self.mark)\"\(UUID().uuidString)\";")
        try Files.write(Data((lines.joined(separator: "\n") + "\n").utf8), to: file)
    }

    /// The folder of a cache with the source of a kernel that was built from a package or tarball.
    static func source(of build: KernelBuild, in caches: [String]) -> String? {
        let suffix = build.source.hasPrefix("tarball:") ? build.source.dropFirst("tarball:".count) : Cache.key([build.source]).prefix(8)
        for cache in caches {
            let name = Files.names(in: cache + "/sources").first { $0.hasSuffix("-" + suffix) }
            if let name { return "\(cache)/sources/\(name)" }
        }
        return nil
    }
}

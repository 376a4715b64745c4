// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness

/// The measurements of kernel builds.
extension Benchmark {
    /// A kernel from an empty cache.
    func cold() async throws -> [Measurement] {
        let (_, run) = try await product.kernel(["--kernel", kernel], name: "cold")
        let download = run.phase("fetching", "downloading")
        let unpack = run.phase("unpacking", "copying")
        return [
            Measurement(
                name: "cold build", seconds: [run.seconds - download], aim: 360,
                note: "unpacking \(Self.tenths(unpack)) s, configuring \(Self.tenths(run.phase("configuring"))) s, "
                    + "compiling \(Self.tenths(run.phase("compiling"))) s, netdevsim \(Self.tenths(run.phase("building netdevsim"))) s; "
                    + "fetching lists and package, \(Self.tenths(download)) s, is not included")
        ]
    }

    /// The same command again, after an edit: the time that the harness adds to that of make.
    func rebuild() async throws -> [Measurement] {
        var rows = try await tree()
        var whole: [Double] = []
        var make: [Double] = []
        for _ in 0..<longRepeat {
            try userTree.edit()
            let (_, run) = try await product.kernel(["--kernel", userTree.path], name: "rebuild")
            guard run.printed("compiling") else {
                throw HarnessError(.harness, "an edited tree was not built again", evidence: run.lines.map(\.text))
            }
            whole.append(run.seconds)
            make.append(run.phase("compiling"))
        }
        var row = Measurement(name: "rebuild after an edit", seconds: whole, note: "compared with `make vmlinux modules_prepare` within it")
        let own = Measurement(name: "make within it", seconds: make)
        row.reference = own.median.map { Measurement.Reference(name: "make", seconds: $0) }
        rows += [row, own]
        return rows
    }

    /// `ppiov build` where nothing changed.
    func unchanged() async throws -> [Measurement] {
        let rows = try await tree()
        _ = try await product.kernel(["--kernel", userTree.path], name: "unchanged")
        var seconds: [Double] = []
        for _ in 0..<repeats {
            let (_, run) = try await product.kernel(["--kernel", userTree.path], name: "unchanged")
            guard !run.printed("compiling") else {
                throw HarnessError(.harness, "an unchanged tree was built again", evidence: run.lines.map(\.text))
            }
            seconds.append(run.seconds)
        }
        return rows + [Measurement(name: "build without a change", seconds: seconds)]
    }

    /// The time from a changed line to its verdict.
    func edit() async throws -> [Measurement] {
        let rows = try await tree()
        var seconds: [Double] = []
        for _ in 0..<longRepeat {
            try userTree.edit()
            let (run, _) = try await product.scenarios(["--kernel", userTree.path, "--filter", "zcrx.receive"], name: "edit")
            guard run.printed("compiling") else {
                throw HarnessError(.harness, "an edited tree was not built again", evidence: run.lines.map(\.text))
            }
            seconds.append(run.seconds)
        }
        return rows + [Measurement(name: "edit to verdict", seconds: seconds, aim: 35, note: "one line of io_uring/zcrx.c, then zcrx.receive")]
    }

    /// Makes the user's tree and builds it once, where that has not been done.
    func tree() async throws -> [Measurement] {
        if !Files.exists(userTree.path) {
            report("copying the source to \(userTree.path)")
            let source = try await source()
            let half = userTree.path + ".half"
            try await Command("rm", ["-rf", half]).output()
            try await Files.copy(source, to: half)
            try await Command("mv", [half, userTree.path]).output()
            try userTree.edit()
        }
        report("the first build of the copy")
        let (_, run) = try await product.kernel(["--kernel", userTree.path], name: "tree")
        guard run.printed("compiling") else { return [] }
        return [
            Measurement(
                name: "first build of a folder", seconds: [run.seconds],
                note: "hashing and copying \(Self.tenths(run.lines.first { $0.text.hasPrefix("copied") }?.time ?? 0)) s, "
                    + "compiling \(Self.tenths(run.phase("compiling"))) s")
        ]
    }

    /// The source to copy: the given folder, or one that a cache has unpacked.
    private func source() async throws -> String {
        let (build, _) = try await product.kernel(["--kernel", kernel], name: "source")
        if !build.source.hasPrefix("debian:"), !build.source.hasPrefix("tarball:") { return kernel }
        if let found = UserTree.source(of: build, in: [folder.cache, Cache().root]) { return found }
        // The kernel is in the cache and its source is not: a new build in the benchmark's cache unpacks it.
        try await Command("rm", ["-rf", folder.cache + "/kernels", folder.cache + "/requests"]).output()
        let (again, _) = try await product.kernel(["--kernel", kernel], name: "source")
        guard let found = UserTree.source(of: again, in: [folder.cache]) else {
            throw HarnessError(.harness, "the source of \(again.source) is not in \(folder.cache)/sources")
        }
        return found
    }

    static func tenths(_ seconds: Double) -> String { String(format: "%.1f", seconds) }
}

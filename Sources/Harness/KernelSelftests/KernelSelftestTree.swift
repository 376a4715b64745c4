// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Subprocess

/// The selftests of a kernel source, unmodified, with the programs among them built: a copy of the parts of the tree that they read, kept in the
/// cache under the key of the source.
struct KernelSelftestTree: Sendable {
    var cache: Cache
    var progress: Progress
    /// Where the tests' Makefiles and generators run; nil for no sandbox.
    var sandbox: BuildSandbox?

    /// A version of this recipe: it is incremented when what is copied or built changes.
    private static let format = "1"

    /// What the tests and their build read. The generators search the folders above for MAINTAINERS, and never end where there is none.
    private static let parts = [
        "MAINTAINERS", "Documentation/netlink", "include/uapi", "scripts/bpf_doc.py", "tools/arch", "tools/build", "tools/include", "tools/lib/bpf",
        "tools/net/ynl",
        "tools/scripts", "tools/testing/selftests/drivers/net", "tools/testing/selftests/kselftest", "tools/testing/selftests/kselftest.h",
        "tools/testing/selftests/kselftest_harness.h", "tools/testing/selftests/lib.mk", "tools/testing/selftests/net",
    ]

    /// Folders of selftests of which all programs are built. net/ has sixty that no test here needs.
    private static let built = ["net/lib", "drivers/net", "drivers/net/hw"]

    /// The parts that are copied into the guest.
    private static let guest = ["MAINTAINERS", "Documentation/netlink/specs", "tools/net/ynl/pyynl", "tools/testing/selftests"]

    /// The folder of the tree for the guest.
    ///
    /// - Parameters:
    ///   - source: the kernel's source folder; it is only read.
    ///   - identity: the key of its content, as in `ResolvedSource`; nil where that is not known.
    ///   - liburing: a folder with `usr/include` and `usr/lib` of a liburing that has zcrx.
    /// - Throws: `HarnessError`. A program that does not build is reported and left out: the tests that need it skip or fail.
    func folder(source: String, identity: String?, liburing: (path: String, key: String), jobs: Int) async throws -> (path: String, key: String) {
        guard Files.isFolder(source + "/tools/testing/selftests/drivers/net") else {
            throw HarnessError(
                .input, "the kernel tree has no tools/testing/selftests/drivers/net",
                hint: "the selftests are taken from the tree under test; give its whole source")
        }
        try CacheFolder(cache).requirePrograms()
        let compiler = try await version("gcc")
        let clang = if let found = Self.clang { try await version(found) } else { "no clang" }
        let key = Cache.key([Self.format, try identity ?? Self.contents(source), liburing.key, compiler, clang])
        let trees = try cache.folder("selftests")
        let path = trees + "/" + key
        return try await cache.locked("selftests-" + key, waiting: { progress.report("waiting for another run that builds the same selftests") }) {
            if Files.isFolder(path) {
                CacheAge.use(path)
                return (path, key)
            }
            progress.report("building the kernel's selftests")
            let work = Files.temporary(for: path)
            defer { try? FileManager.default.removeItem(atPath: work) }
            try copy(from: source, to: work)
            let log = try cache.folder("logs") + "/selftests-\(key).log"
            try Files.write("", to: log)
            let isWhole = try await build(work, source: source, liburing: liburing.path, jobs: jobs, log: log)
            let made = Files.temporary(for: path)
            defer { try? FileManager.default.removeItem(atPath: made) }
            try install(from: work, to: made)
            // A tree without one of its programs is for this run only: the next run builds it again.
            let path = isWhole ? path : path + "-part"
            try Files.remove(path)
            try Files.rename(made, to: path)
            CacheAge.prune(trees) { $0.count == key.count && $0.allSatisfy(\.isHexDigit) }
            return (path, key)
        }
    }

    /// The first line of the version of the compiler that make finds; in the sandbox there may be no clang.
    private func version(_ program: String) async throws -> String {
        let command = Command(program, ["--version"])
        do {
            return try await (sandbox?.wrapped(command) ?? command).output().filledLines.first.map(String.init) ?? ""
        } catch let error as HarnessError where sandbox != nil && error.cause == .toolFailed {
            return "no \(program) in the sandbox"
        }
    }

    private func wrapped(_ command: Command, source: String, liburing: String, writes: [String]) -> Command {
        sandbox?.wrapped(command, reads: [source, liburing].map { BuildSandbox.Folder($0) }, writes: writes.map { BuildSandbox.Folder($0) })
            ?? command
    }

    /// The key of those files of a source that the tests and their build read.
    static func contents(_ source: String) throws -> String {
        var files: [String] = []
        for part in parts {
            let names = FileManager.default.enumerator(atPath: source + "/" + part)?.compactMap { $0 as? String } ?? []
            files += names.isEmpty ? [part] : names.map { part + "/" + $0 }
        }
        return Cache.key(try files.filter { Files.isFile(source + "/" + $0) }.sorted().map { "\($0) \(try ContentHash.ofFile(source + "/" + $0))" })
    }

    private func copy(from source: String, to work: String) throws {
        for part in Self.parts where FileStatus(source + "/" + part) != nil {
            try Files.makeFolder((work + "/" + part as NSString).deletingLastPathComponent)
            try Files.copy(source + "/" + part, to: work + "/" + part)
        }
    }

    private func build(_ work: String, source: String, liburing: String, jobs: Int, log: String) async throws -> Bool {
        try Files.makeFolder(work + ".headers")
        defer { try? FileManager.default.removeItem(atPath: work + ".headers") }
        try await KernelMake.run(
            wrapped(
                KernelMake.command(["-C", source, "O=" + work + ".headers", "headers"]), source: source, liburing: liburing,
                writes: [work + ".headers"]),
            log: log, what: "installing the kernel's headers")
        try Files.copy(work + ".headers/usr", to: work + "/usr")
        let headers = "-isystem \(work)/usr/include"
        var missing: [String] = []
        for folder in Self.built {
            let place = work + "/tools/testing/selftests/" + folder
            guard Files.isFolder(place) else { continue }
            // Static: the guest's C library is not this machine's.
            var arguments = ["-C", place, "OUTPUT=" + place, "CC=gcc", "HAS_IOURING_ZCRX=y", "KHDR_INCLUDES=" + headers, "-j\(jobs)", "--keep-going"]
            arguments += ["USERCFLAGS=\(headers) -I\(liburing)/usr/include", "USERLDFLAGS=-static -L\(liburing)/usr/lib/x86_64-linux-gnu"]
            if let clang = Self.clang { arguments.append("CLANG=" + clang) }
            let command = wrapped(KernelMake.command(arguments + ["all"]), source: source, liburing: liburing, writes: [work])
            let status = try await command.status(log: log)
            if !status.isSuccess { missing.append(folder) }
        }
        if !missing.isEmpty {
            progress.report(
                "some selftests of \(missing.joined(separator: ", ")) do not build here, and the tests that need them skip or fail: \(log)")
        }
        return missing.isEmpty
    }

    /// clang, for the BPF programs; that of Swift where no other is installed.
    private static var clang: String? {
        if let found = HostTools.path(of: "clang") { return found }
        return HostTools.path(of: "swift").map {
            (URL(fileURLWithPath: $0).resolvingSymlinksInPath().path as NSString).deletingLastPathComponent + "/clang"
        }
    }

    /// Copies what the guest needs, without the sources of programs and the intermediate files of their build.
    private func install(from work: String, to made: String) throws {
        for part in Self.guest where FileStatus(work + "/" + part) != nil {
            try Files.makeFolder((made + "/" + part as NSString).deletingLastPathComponent)
            try Files.copy(work + "/" + part, to: made + "/" + part)
        }
        for folder in Self.built { try Files.remove(made + "/tools/testing/selftests/\(folder)/tools") }
        let names = FileManager.default.enumerator(atPath: made)?.compactMap { $0 as? String } ?? []
        for name in names where [".c", ".h", ".a", ".d"].contains(where: name.hasSuffix) { try Files.remove(made + "/" + name) }
    }
}

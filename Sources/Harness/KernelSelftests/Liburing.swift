// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// A liburing with zero-copy receive, to link the selftests with, and its test of zero-copy receive: Debian's newest, in folders of the cache.
struct Liburing: Sendable {
    var cache: Cache
    var progress: Progress

    private static let package = "liburing-dev"

    /// - Returns: a folder with `usr/include` and `usr/lib`, and its key.
    func folder() async throws -> (path: String, key: String) {
        let roots = try cache.folder("roots")
        return try await cache.locked("apt", waiting: { progress.report("waiting for another run that fetches from Debian") }) {
            let apt = AptRoot(folder: try cache.folder("apt"))
            guard let offer = try await apt.offers([Self.package]).max(by: { $0.version < $1.version }) else {
                throw HarnessError(
                    .harness, "Debian's suites \(AptRoot.suites.joined(separator: ", ")) have no \(Self.package)",
                    hint: "check the network and run again")
            }
            let key = "\(offer.package)-\(offer.version)"
            let path = roots + "/" + key
            if Files.isFolder(path) { return (path, key) }
            let making = Files.temporary(for: path)
            try Files.makeFolder(making)
            defer { try? FileManager.default.removeItem(atPath: making) }
            progress.report("downloading \(offer.package) \(offer.version)")
            try await apt.download(offer, into: making)
            guard let file = Files.names(in: making).first(where: { $0.hasSuffix(".deb") }) else {
                throw HarnessError(.harness, "apt-get downloaded no package for \(key)", hint: "run again; apt's lists are in \(apt.folder)")
            }
            try await Command("dpkg-deb", ["--extract", making + "/" + file, making]).output()
            try Files.remove(making + "/" + file)
            try Files.rename(making, to: path)
            return (path, key)
        }
    }

    /// liburing's test/zcrx.c, built as its Makefile does, but static: the guest's C library is not this machine's.
    ///
    /// - Returns: the program, and its key.
    func test() async throws -> (path: String, key: String) {
        let roots = try cache.folder("roots")
        let compiler = try await Command("gcc", ["--version"]).output().filledLines.first.map(String.init) ?? ""
        return try await cache.locked("apt-sources", waiting: { progress.report("waiting for another run that fetches from Debian") }) {
            let apt = AptRoot(folder: try cache.folder("apt-sources"), kind: .sources)
            let prefix = "liburing-test-" + Cache.key([compiler]) + "-"
            let old = Files.names(in: roots).filter { $0.hasPrefix(prefix) && Files.isFile("\(roots)/\($0)/zcrx.t") }
                .max { DebianVersion($0) < DebianVersion($1) }
                .map { (path: "\(roots)/\($0)/zcrx.t", key: String($0.dropFirst(prefix.count))) }
            if let age = apt.age, age < DebianSource.lifetime, let old { return old }
            progress.report("fetching liburing's test of zero-copy receive")
            let work = Files.temporary(for: roots + "/" + prefix)
            try Files.makeFolder(work)
            defer { try? FileManager.default.removeItem(atPath: work) }
            do {
                try await apt.refresh()
                try await apt.downloadSource("liburing", into: work)
            } catch let error as HarnessError {
                guard let old else { throw error }
                progress.report("\(error.message): using \(old.key), which was fetched before")
                return old
            }
            return try await build(apt, in: work, prefix: roots + "/" + prefix)
        }
    }

    /// - Parameters:
    ///   - work: a folder with the source package.
    ///   - prefix: the path of the cache's folder for it, up to the version.
    private func build(_ apt: AptRoot, in work: String, prefix: String) async throws -> (path: String, key: String) {
        guard let archive = Files.names(in: work).first(where: { $0.contains(".orig.tar.") && !$0.hasSuffix(".asc") }) else {
            throw HarnessError(.harness, "the source package of liburing has no archive", hint: "run again; apt's lists are in \(apt.folder)")
        }
        let key = String(archive.prefix { $0 != "~" }).components(separatedBy: ".orig.tar.")[0]
        let folder = prefix + key
        if Files.isFolder(folder) { return (folder + "/zcrx.t", key) }
        try await Command("tar", ["--strip-components=1", "-xf", archive], directory: work).output()
        let log = try cache.folder("logs") + "/liburing-test.log"
        try Files.write("", to: log)
        try await Command("./configure", [], directory: work).run(log: log)
        try await KernelMake.run(Self.make(["-C", work + "/src"]), log: log, what: "building liburing")
        try await KernelMake.run(Self.make(["-C", work + "/test", "zcrx.t", "LDFLAGS=-static"]), log: log, what: "building liburing's test/zcrx.c")
        let made = Files.temporary(for: folder)
        defer { try? FileManager.default.removeItem(atPath: made) }
        try Files.makeFolder(made)
        try Files.copy(work + "/test/zcrx.t", to: made + "/zcrx.t")
        try Files.rename(made, to: folder)
        return (folder + "/zcrx.t", key)
    }

    private static func make(_ arguments: [String]) -> Command {
        var command = KernelMake.command(arguments)
        command.environment = [:]
        return command
    }
}

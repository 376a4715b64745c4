// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A root file system of Debian packages, unpacked without root; no program of theirs runs. It is kept in the cache under the key of the
/// packages' names, versions and hashes.
///
/// Their maintainer scripts do not run, so the harness writes what a test needs of their work: the alternatives of `awk`, the user database,
/// /var/run.
struct DebianRoot: Sendable {
    /// What the root has, and what it lacks on purpose.
    struct Contents: Sendable, Equatable {
        /// Packages by name. The packages that they depend on are added.
        var packages: [String]
        /// Folders that no test reads: documentation and translations are a third of the whole.
        var unwanted = ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/common-licenses", "usr/share/lintian"]
        /// Links and files by their place: links, as update-alternatives would make them.
        var links = ["usr/bin/awk": "mawk", "var/run": "/run", "var/lock": "/run/lock"]
        var files = [
            "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
            "etc/group": "root:x:0:\nnogroup:x:65534:\n",
        ]

        /// Links and files, sorted.
        var written: [String] { (links.map { "\($0) -> \($1)" } + files.map { "\($0): \($1)" }).sorted() }
    }

    var cache: Cache
    var progress: Progress
    /// The suite of the packages.
    var suite: String

    /// A version of this recipe: it is incremented when what is written here changes.
    private static let format = "1"

    /// The folder of the root, made where the cache does not have it.
    ///
    /// Where the package lists cannot be fetched again, the existing ones are used.
    ///
    /// - Throws: `HarnessError`.
    func folder(_ contents: Contents) async throws -> (path: String, key: String) {
        let roots = try cache.folder("roots")
        return try await cache.locked("apt", waiting: { progress.report("waiting for another run that fetches from Debian") }) {
            let apt = AptRoot(folder: try cache.folder("apt"))
            if apt.age.map({ $0 > DebianSource.lifetime }) ?? true {
                progress.report("fetching Debian's package lists")
                do {
                    try await apt.refresh()
                } catch let error as HarnessError where apt.age != nil {
                    progress.report("\(error.message); using the package lists that were fetched before")
                }
            }
            let closure = try await apt.closure(of: contents.packages, suite: suite)
            let names = ["\(contents.packages) \(contents.unwanted)"] + contents.written + closure.map { "\($0.file) \($0.hash)" }
            let key = Cache.key([Self.format] + names)
            let path = roots + "/" + key
            if Files.isFolder(path) {
                CacheAge.use(path)
                return (path, key)
            }
            let bytes = closure.reduce(0) { $0 + $1.size }
            progress.report("making a root file system of \(closure.count) packages of Debian's \(suite) (\(bytes >> 20) MB to download)")
            try await apt.downloadAll(contents.packages, suite: suite)
            let making = Files.temporary(for: path)
            defer { try? FileManager.default.removeItem(atPath: making) }
            try Files.makeFolder(making)
            // base-files first: it has the links of the merged /usr, through which the others are unpacked.
            for package in closure.sorted(by: { ($0.name != "base-files" ? 1 : 0, $0.name) < ($1.name != "base-files" ? 1 : 0, $1.name) }) {
                try await Command("dpkg-deb", ["--extract", apt.archive(package), making]).output()
            }
            try finish(making, contents)
            // dpkg-deb has set its time to that of a package.
            CacheAge.use(making)
            try Files.rename(making, to: path)
            CacheAge.prune(roots) { $0.count == key.count && $0.allSatisfy(\.isHexDigit) }
            return (path, key)
        }
    }

    private func finish(_ root: String, _ contents: Contents) throws {
        for name in contents.unwanted { try Files.remove(root + "/" + name) }
        for (place, target) in contents.links {
            try Files.remove(root + "/" + place)
            try Files.trying("link \(place)") { try FileManager.default.createSymbolicLink(atPath: root + "/" + place, withDestinationPath: target) }
        }
        for (place, text) in contents.files { try Files.write(text, to: root + "/" + place) }
    }
}

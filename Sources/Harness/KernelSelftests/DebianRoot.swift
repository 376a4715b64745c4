// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A root file system of Debian packages, unpacked without root and without running anything of theirs; kept in the cache under the key of
/// the packages' names, versions and hashes.
///
/// What their maintainer scripts would set up and a test needs is written here: the alternatives of `awk`, the user database, /var/run.
struct DebianRoot: Sendable {
    /// What the root is made of, and what it lacks on purpose.
    struct Contents: Sendable, Equatable {
        /// Packages asked for by name; those that they depend on come with them.
        var packages: [String]
        /// Folders that no test reads: documentation and translations are a third of the whole.
        var unwanted = ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/common-licenses", "usr/share/lintian"]
        /// Links and files by their place: links, as update-alternatives would make them.
        var links = ["usr/bin/awk": "mawk", "var/run": "/run", "var/lock": "/run/lock"]
        var files = [
            "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
            "etc/group": "root:x:0:\nnogroup:x:65534:\n",
        ]

        /// Links and files, in an order that is always the same.
        var written: [String] { (links.map { "\($0) -> \($1)" } + files.map { "\($0): \($1)" }).sorted() }
    }

    var cache: Cache
    var progress: Progress
    /// The suite that the packages come from.
    var suite: String

    /// A version of this recipe: it goes up when what is written here changes.
    private static let format = "1"

    /// The folder of the root, made where the cache does not have it.
    ///
    /// Where the lists cannot be fetched anew, those of before do.
    ///
    /// - Throws: `HarnessError`.
    func folder(_ contents: Contents) async throws -> (path: String, key: String) {
        let roots = try cache.folder("roots")
        return try await cache.locked("apt", waiting: { progress.say("waiting for another run that fetches from Debian") }) {
            let apt = AptRoot(folder: try cache.folder("apt"))
            if apt.age.map({ $0 > DebianSource.lifetime }) ?? true {
                progress.say("fetching Debian's package lists")
                do {
                    try await apt.refresh()
                } catch let error as HarnessError where apt.age != nil {
                    progress.say("\(error.message); going on with those of before")
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
            progress.say("making a root file system of \(closure.count) packages of Debian's \(suite) (\(bytes >> 20) MB to download)")
            try await apt.downloadAll(contents.packages, suite: suite)
            let making = Files.temporary(beside: path)
            defer { try? FileManager.default.removeItem(atPath: making) }
            try Files.makeFolder(making)
            // base-files first: it has the links of the merged /usr that the others are unpacked through.
            for package in closure.sorted(by: { ($0.name != "base-files" ? 1 : 0, $0.name) < ($1.name != "base-files" ? 1 : 0, $1.name) }) {
                try await Command("dpkg-deb", ["--extract", apt.archive(package), making]).output()
            }
            try finish(making, contents)
            // dpkg-deb gave it the date of a package.
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

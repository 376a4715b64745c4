// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// A private apt that needs no root: its lists, cache and sources are separate from the system's.
struct AptRoot: Sendable {
    /// One line of `apt-cache madison`.
    struct Offer: Equatable, Sendable {
        var package: String
        var version: DebianVersion
    }

    static let suites = ["trixie", "trixie-backports", "sid"]
    static let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

    /// The environment variable that names the mirror, for a system whose own apt has none.
    static let mirrorVariable = "PPIOV_DEBIAN_MIRROR"

    /// Which lists it fetches. Those of source packages are large and rarely needed.
    enum Kind: String, Sendable {
        case binaries = "deb"
        case sources = "deb-src"
    }

    var folder: String
    var kind = Kind.binaries

    private var configuration: String { folder + "/apt.conf" }
    private var stamp: String { folder + "/refreshed" }
    /// apt's programs leave files in TMPDIR when a signal ends them.
    private var temporary: String { folder + "/temporary" }
    private var environment: [String: String] { ["APT_CONFIG": configuration, "TMPDIR": temporary] }

    /// Nanoseconds since the lists were fetched; nil where there are none.
    var age: Int64? {
        FileStatus(stamp).map { FileStatus.now() - $0.modified }
    }

    /// Writes apt.conf again: the cache may have been moved since the last time. Removes what an apt that was ended has left: its user holds the
    /// cache's lock "apt" or "apt-sources", so that no other one is at work here.
    private func configure() throws {
        try Files.remove(temporary)
        try Files.makeFolder(temporary)
        let settings = [
            ("Dir::Etc::SourceList", folder + "/sources.list"), ("Dir::Etc::SourceParts", "/dev/null"), ("Dir::State::Lists", folder + "/lists"),
            ("Dir::Cache", folder + "/cache"), ("Dir::State::status", "/dev/null"), ("APT::Sandbox::User", ""), ("Acquire::Languages", "none"),
            ("Acquire::Retries", "3"), ("APT::Update::Error-Mode", "any"),
        ]
        try Files.write(settings.map { "\($0.0) \"\($0.1)\";\n" }.joined(), to: configuration)
    }

    /// Fetches the package lists of the suites.
    func refresh() async throws {
        let mirror = try await mirror()
        guard Files.isFile(Self.keyring) else {
            throw HarnessError(
                .harness, "cannot verify Debian's package lists: there is no \(Self.keyring)",
                hint: "install debian-archive-keyring, or give a kernel tree or tarball")
        }
        for part in ["lists/partial", "cache/archives/partial"] { try Files.makeFolder(folder + "/" + part) }
        try Files.write(suites.map { "\(kind.rawValue) [signed-by=\(Self.keyring)] \(mirror) \($0) main\n" }.joined(), to: folder + "/sources.list")
        try configure()
        do {
            try await Command("apt-get", ["-q", "update"], environment: environment).output()
        } catch let error as HarnessError {
            throw HarnessError(
                .harness, "cannot fetch Debian's package lists from \(mirror)",
                hint: "check the network, or set \(Self.mirrorVariable) to another mirror; a kernel tree or tarball of your own needs no mirror",
                evidence: error.evidence)
        }
        try Files.write("", to: stamp)
    }

    private var suites: [String] { kind == .binaries ? Self.suites : ["sid"] }

    /// Downloads a source package, verified by apt, into `folder`: its .dsc and its archives.
    func downloadSource(_ package: String, into folder: String) async throws {
        try await download("the source of \(package)", ["source", "--download-only", package], into: folder)
    }

    /// Runs apt-get, which downloads and verifies packages.
    ///
    /// - Parameter what: the packages, for an error's text.
    private func download(_ what: String, _ arguments: [String], into folder: String? = nil) async throws {
        try configure()
        do {
            try await Command("apt-get", ["-q"] + arguments, environment: environment, directory: folder).output()
        } catch let error as HarnessError {
            if error.cause == .diskFull { throw Files.full("download \(what)", evidence: error.evidence) }
            // The mirror may have replaced a version since the lists were fetched: without the stamp the next run fetches them again.
            try Files.remove(stamp)
            throw HarnessError(
                .harness, "cannot download \(what)", hint: "check the network and run again: the next run fetches the package lists again",
                evidence: error.evidence)
        }
    }

    /// Every version of the packages in the lists; none where there are no lists.
    func offers(_ packages: [String]) async throws -> [Offer] {
        guard age != nil, !packages.isEmpty else { return [] }
        try configure()
        return Self.parse(madison: try await Command("apt-cache", ["madison"] + packages, environment: environment).output())
    }

    /// The names of the linux-source packages of any series.
    func packages() async throws -> [String] {
        guard age != nil else { return [] }
        try configure()
        let names = try await Command("apt-cache", ["pkgnames", "linux-source-"], environment: environment).output()
        return names.filledLines.map(String.init).filter { DebianVersionSpec.isSeries(String($0.dropFirst("linux-source-".count))) }
            .sorted()
    }

    /// Downloads one package, verified by apt, into `folder`.
    func download(_ offer: Offer, into folder: String) async throws {
        try await download("\(offer.package) \(offer.version)", ["download", "\(offer.package)=\(offer.version)"], into: folder)
    }

    /// A package as apt would download it.
    struct Archive: Equatable, Sendable {
        var name: String
        /// Its name in apt's cache.
        var file: String
        var size: Int
        /// With its kind: "SHA256:..." or "MD5Sum:...".
        var hash: String
    }

    /// The packages, and the packages that they depend on in an empty system.
    ///
    /// - Throws: `HarnessError` where the suite lacks one of them.
    func closure(of packages: [String], suite: String) async throws -> [Archive] {
        try configure()
        // apt prints no line for a package that is in its cache already.
        let empty = folder + "/cache/none"
        try Files.makeFolder(empty + "/partial")
        let arguments = ["-q", "--print-uris", "-o", "Dir::Cache::archives=" + empty] + Self.installation(packages, suite)
        let text = try await Command("apt-get", arguments, environment: environment).output()
        let closure = Self.parse(uris: text)
        guard !closure.isEmpty else {
            throw HarnessError(
                .harness, "apt-get lists no archives for \(packages.count) packages of Debian's \(suite)",
                hint: "run again; apt's lists are in \(folder)",
                evidence: text.filledLines.map(String.init))
        }
        return closure
    }

    /// Downloads all of them, verified by apt, into apt's cache.
    func downloadAll(_ packages: [String], suite: String) async throws {
        try await download("packages of Debian's \(suite)", ["--download-only"] + Self.installation(packages, suite))
    }

    /// The path of a package that was downloaded.
    func archive(_ package: Archive) -> String { folder + "/cache/archives/" + package.file }

    private static func installation(_ packages: [String], _ suite: String) -> [String] {
        ["-y", "--no-install-recommends", "-t", suite, "install"] + packages
    }

    static func parse(uris text: String) -> [Archive] {
        text.filledLines.compactMap { line in
            // 'URI' FILE SIZE HASH
            guard line.hasPrefix("'"), let end = line.dropFirst().firstIndex(of: "'") else { return nil }
            let fields = line[line.index(after: end)...].split(separator: " ").map(String.init)
            guard fields.count >= 2, let size = Int(fields[1]), let name = fields[0].split(separator: "_").first else { return nil }
            return Archive(name: String(name), file: fields[0], size: size, hash: fields.count > 2 ? fields[2] : "")
        }
    }

    static func parse(madison text: String) -> [Offer] {
        var offers: [Offer] = []
        for line in text.filledLines {
            let fields = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard fields.count == 3, fields[2].hasSuffix("Packages") else { continue }
            let offer = Offer(package: fields[0], version: DebianVersion(fields[1]))
            if !offers.contains(offer) { offers.append(offer) }
        }
        return offers
    }

    /// The Debian archive that the system's own apt uses; its security and other archives are left out.
    static func mirror(inTargets text: String) -> String? {
        text.filledLines.lazy
            .compactMap { $0.split(separator: "|").first.map { $0.trimmingCharacters(in: .whitespaces) } }
            .first { $0.hasSuffix("/debian/") || $0.hasSuffix("/debian") }
    }

    private func mirror() async throws -> String {
        if let named = ProcessInfo.processInfo.environment[Self.mirrorVariable], !named.isEmpty {
            guard !named.contains(where: \.isWhitespace), named.contains(":/") else {
                throw HarnessError(
                    .input, "\(Self.mirrorVariable)=\(named) is not the address of a mirror",
                    hint: "write it as in sources.list, such as http://mirror.example/debian/")
            }
            return named
        }
        let listing = Command("apt-get", ["indextargets", "--format", "$(REPO_URI)|$(SUITE)|$(CODENAME)", "Created-By: Packages"])
        if let mirror = Self.mirror(inTargets: try await listing.output()) { return mirror }
        throw HarnessError(
            .harness, "the system's apt has no Debian mirror to get kernel sources from",
            hint: "set \(Self.mirrorVariable) to one (http://mirror.example/debian/), or give a kernel tree or tarball")
    }
}

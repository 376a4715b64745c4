// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Kernel sources from Debian's linux-source packages. Fetched packages are kept in the cache.
struct DebianSource: Sendable {
    var cache: Cache
    var progress: Progress

    /// How old the package lists may be before they are fetched again: a day.
    static let lifetime: Int64 = 86_400_000_000_000

    /// Lists younger than this are not fetched again when they lack the requested version: five minutes.
    static let recent: Int64 = 300_000_000_000

    private func apt() throws -> AptRoot { AptRoot(folder: try cache.folder("apt")) }

    private func waiting() { progress.report("waiting for another run that fetches from Debian") }

    /// The package version that is requested. Fetches package lists where they are old or lack it; without a network, it
    /// takes a package that was fetched before.
    ///
    /// - Throws: `HarnessError` of kind `.input` that lists the available versions.
    func choose(_ requested: DebianVersionSpec) async throws -> AptRoot.Offer {
        let offer = try await cache.locked("apt", waiting: waiting) {
            let apt = try apt()
            let kept = try kept()
            let names = requested.series.map { "linux-source-" + $0 }
            if case .exact = requested, let offer = requested.choose(among: kept) { return offer }
            let isOld = apt.age.map { $0 > Self.lifetime } ?? true
            if isOld, let kept = try await refresh(apt, orUse: requested.choose(among: kept)) { return kept }
            var offer = requested.choose(among: try await apt.offers(names))
            if offer == nil, !isOld, apt.age.map({ $0 > Self.recent }) ?? true {
                if let kept = try await refresh(apt, orUse: requested.choose(among: kept)) { return kept }
                offer = requested.choose(among: try await apt.offers(names))
            }
            if let offer = offer ?? requested.choose(among: kept) { return offer }
            let all = try await apt.offers(try await apt.packages()) + kept
            throw Self.unavailable(requested, offers: all)
        }
        if requested == .any {
            progress.report("kernel: \(offer.package) \(offer.version), the newest that the netdevsim patch is known to apply to")
        }
        return offer
    }

    /// The package file, downloaded where the cache does not have it.
    func fetch(_ offer: AptRoot.Offer) async throws -> String {
        let folder = try cache.folder("downloads")
        return try await cache.locked("apt", waiting: waiting) {
            if let file = Self.file(of: offer, in: folder) { return file }
            let temporary = Files.temporary(for: folder + "/download")
            try Files.makeFolder(temporary)
            defer { try? FileManager.default.removeItem(atPath: temporary) }
            progress.report("downloading \(offer.package) \(offer.version)")
            let apt = try apt()
            do {
                try await apt.download(offer, into: temporary)
            } catch var error as HarnessError {
                let others = try kept().filter { $0.package == offer.package }.map(\.version).sorted(by: >)
                if !others.isEmpty {
                    error.hint =
                        "check the network, or use a package that was fetched before: " + others.map { "debian:\($0)" }.joined(separator: ", ")
                }
                throw error
            }
            guard let name = Files.names(in: temporary).first(where: { $0.hasSuffix(".deb") }) else {
                throw HarnessError(
                    .harness, "apt-get downloaded no package for \(offer.package) \(offer.version)",
                    hint: "run again; apt's lists are in \(apt.folder)")
            }
            try Files.rename(temporary + "/" + name, to: folder + "/" + name)
            return folder + "/" + name
        }
    }

    /// Fetches the package lists. Where that fails and there is a fetched package that matches, reports it and returns that package.
    private func refresh(_ apt: AptRoot, orUse kept: AptRoot.Offer?) async throws -> AptRoot.Offer? {
        do {
            progress.report("fetching Debian's package lists")
            try await apt.refresh()
            return nil
        } catch let error as HarnessError where kept != nil && error.kind == .harness {
            progress.report("no new package lists (\(error.message)): using a package that was fetched before")
            return kept
        }
    }

    /// The packages in the cache: files named PACKAGE_VERSION_all.deb.
    private func kept() throws -> [AptRoot.Offer] { Self.kept(names: Files.names(in: try cache.folder("downloads"))) }

    static func kept(names: [String]) -> [AptRoot.Offer] {
        names.compactMap { name in
            let parts = name.split(separator: "_")
            guard parts.count == 3, parts[0].hasPrefix("linux-source-"), parts[2].hasSuffix(".deb") else { return nil }
            return AptRoot.Offer(package: String(parts[0]), version: DebianVersion(parts[1].replacingOccurrences(of: "%3a", with: ":")))
        }
    }

    private static func file(of offer: AptRoot.Offer, in folder: String) -> String? {
        Files.names(in: folder).first { kept(names: [$0]) == [offer] }.map { folder + "/" + $0 }
    }

    static func unavailable(_ requested: DebianVersionSpec, offers: [AptRoot.Offer]) -> HarnessError {
        var lines: [String] = []
        for package in Set(offers.map(\.package)).sorted(by: { DebianVersion($0) > DebianVersion($1) }) {
            let versions = Set(offers.filter { $0.package == package }.map(\.version)).sorted(by: >).map(\.text)
            lines.append("\(package): " + versions.joined(separator: ", "))
        }
        let suites = AptRoot.suites.joined(separator: ", ")
        return HarnessError(
            .input,
            "\(requested.description) is not in Debian's suites \(suites)"
                + (lines.isEmpty ? ", which have no kernel source" : "; these are:"),
            hint: "name one of them (debian:SERIES for the newest point release), or give a kernel tree or tarball", evidence: lines)
    }
}

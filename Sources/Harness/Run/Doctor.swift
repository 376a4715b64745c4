// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Lists the tools that the harness needs on the host: which are installed, which are missing, and how to get them.
public struct Doctor: Sendable {
    public struct Check: Sendable, Equatable {
        public var name: String
        /// It is missing, and ppiov does not work without it.
        public var missing: Bool
        public var detail: String
        public var hint: String?
    }

    /// A tool, its purpose, and its Debian package.
    private static let tools: [(name: String, purpose: String, package: String)] = [
        ("qemu-system-x86_64", "boots the guest", "qemu-system-x86"),
        ("gcc", "builds the kernel and the guest's first process", "gcc"),
        ("ld", "links the kernel", "binutils"),
        ("make", "builds the kernel", "make"),
        ("flex", "builds the kernel's configuration parser", "flex"),
        ("bison", "builds the kernel's configuration parser", "bison"),
        ("bc", "builds the kernel's time constants", "bc"),
        ("git", "reads git trees", "git"),
        ("patch", "patches the copy of netdevsim", "patch"),
        ("tar", "unpacks kernel sources", "tar"),
        ("xz", "unpacks kernel sources", "xz-utils"),
    ]

    private let cache: Cache
    private let agent: String

    /// - Parameter agent: the path that the guest's agent should have.
    public init(cache: Cache, agent: String) {
        self.cache = cache
        self.agent = agent
    }

    public func examine() async -> [Check] {
        var checks: [Check] = []
        for tool in Self.tools {
            let path = HostTools.path(of: tool.name)
            checks.append(
                Check(
                    name: tool.name, missing: path == nil, detail: path ?? "not found; it \(tool.purpose)",
                    hint: path == nil ? "apt-get install \(tool.package)" : nil))
        }
        for (header, package) in [("libelf.h", "libelf-dev"), ("openssl/opensslv.h", "libssl-dev")] {
            let isThere = FileManager.default.fileExists(atPath: "/usr/include/\(header)")
            checks.append(
                Check(
                    name: header, missing: false, detail: isThere ? "/usr/include/\(header)" : "not found; some kernel configurations need it",
                    hint: isThere ? nil : "apt-get install \(package)"))
        }
        checks.append(agentCheck())
        checks.append(debianCheck())
        checks.append(cacheCheck())
        checks.append(kvmCheck())
        checks.append(Self.sandboxCheck())
        checks += Self.limitChecks()
        return checks
    }

    private func agentCheck() -> Check {
        let isThere = FileManager.default.isExecutableFile(atPath: agent)
        return Check(
            name: "ppiov-agent", missing: !isThere, detail: isThere ? agent : "not found at \(agent)",
            hint: isThere ? nil : "scripts/build makes it, in the folder of ppiov")
    }

    private func debianCheck() -> Check {
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        let isThere = HostTools.path(of: "apt-get") != nil && FileManager.default.fileExists(atPath: keyring)
        return Check(
            name: "debian sources", missing: false,
            detail: isThere ? "apt-get and the archive's keyring are installed: --kernel debian:VERSION works" : "no apt-get or no \(keyring)",
            hint: isThere ? nil : "apt-get install debian-archive-keyring, or give --kernel a tree or tarball of your own")
    }

    private static func sandboxCheck() -> Check {
        let path = HostTools.path(of: "bwrap")
        return Check(
            name: "bwrap", missing: false, detail: path ?? "not found; --sandbox builds patches of others with it",
            hint: path == nil ? "apt-get install bubblewrap" : nil)
    }

    /// What decides how many compilers and machines are started.
    private static func limitChecks() -> [Check] {
        var checks = HostLimits.current.findings.map { Check(name: $0.name, missing: false, detail: $0.detail, hint: nil) }
        let ignored = MakeEnvironment.ignored(of: ProcessInfo.processInfo.environment)
        if !ignored.isEmpty {
            checks.append(
                Check(name: "environment", missing: false, detail: "not passed to make: \(ignored.joined(separator: ", "))", hint: nil))
        }
        return checks
    }

    private func cacheCheck() -> Check {
        let folder = CacheFolder(cache)
        if let fault = folder.fault() { return Check(name: "cache", missing: true, detail: fault.message, hint: fault.hint) }
        let free = (try? FileManager.default.attributesOfFileSystem(forPath: existingParent(of: cache.root))[.systemFreeSize] as? NSNumber)?
            .int64Value
        guard let free else { return Check(name: "cache", missing: false, detail: "\(cache.root): its free space cannot be read", hint: nil) }
        let tight = free < 6 << 30
        return Check(
            name: "cache", missing: false, detail: "\(cache.root) (\(folder.type)), \(free >> 30) GiB free",
            hint: tight ? "a kernel's source and objects take about 3 GiB; XDG_CACHE_HOME moves the cache" : nil)
    }

    private func kvmCheck() -> Check {
        let isThere = access("/dev/kvm", R_OK | W_OK) == 0
        return Check(
            name: "/dev/kvm", missing: false,
            detail: isThere
                ? "usable; a run probes whether a guest executes under it" : "missing or not permitted: guests run under TCG, in software",
            hint: nil)
    }

    private func existingParent(of path: String) -> String {
        var path = path
        while path.count > 1, !FileManager.default.fileExists(atPath: path) { path = (path as NSString).deletingLastPathComponent }
        return path
    }
}

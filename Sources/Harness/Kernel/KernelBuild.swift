// SPDX-License-Identifier: GPL-2.0

/// What to build: where the source comes from and how it is configured.
public struct KernelRequest: Sendable, Equatable {
    /// `debian` (the newest of a short list), `debian:7.3` (a series), `debian:VERSION`; or the path of a git tree, a plain
    /// source folder, a tarball, or an already built tree, which `tree:PATH` has built from its source all the same.
    public var source: String
    /// A fragment's name in `vm/config`: "fast" or "debug".
    public var profile: String
    /// More fragments, in order.
    public var configFiles: [String]
    /// `K=V` (or `CONFIG_K=V`), in order, after the fragments.
    public var sets: [String]
    /// Files and folders of patches that go on the source first, in order ("-" for standard input).
    public var series: [String] = []
    /// Compiled beside the profile's own, in a folder of this name: for fragments that would have most of it compiled anew each time they come or go.
    var variant: String?

    /// The same as the words of a command, without the series.
    public var words: [String] {
        (source == "debian" ? [] : ["--kernel", source]) + configuration
    }

    /// Of those, how it is configured.
    var configuration: [String] {
        var words: [String] = []
        if profile != "fast" { words += ["--profile", profile] }
        for file in configFiles { words += ["--config", file] }
        for option in sets { words += ["--set", option] }
        return words
    }

    public init(source: String, profile: String = "fast", configFiles: [String] = [], sets: [String] = []) {
        self.source = source
        self.profile = profile
        self.configFiles = configFiles
        self.sets = sets
    }
}

/// A kernel that is built and can be booted. Never refers into the tree under test.
public struct KernelBuild: Codable, Sendable, Equatable {
    /// Uncompressed ELF with the PVH note.
    public var vmlinux: String
    /// `make kernelrelease`.
    public var release: String
    /// Content key of source, configuration and compiler.
    public var key: String
    /// What the source was: "debian:linux-source-7.3 7.3.4-1~bpo13+1", "git:COMMIT", "git:COMMIT+changes:KEY", "folder:KEY", "tarball:KEY", "built:KEY";
    /// "...+patches:KEY" with a series on it.
    public var source: String
    /// SHA-256 of the final .config.
    public var configHash: String
    /// What the request named; of a tree that was built already, "debug" where it has KASAN or lockdep, else "fast".
    public var profile: String
    /// First line of the compiler's --version.
    public var compiler: String
    /// netdevsim.ko with the memory-provider patch; nil where it does not apply.
    public var netdevsim: String?
    /// Why `netdevsim` is nil.
    public var netdevsimReason: String?
    /// File names of the patches that `netdevsim` has; nil where it is, or in files of older versions.
    public var netdevsimPatches: [String]?
    /// The build log.
    public var log: String
    /// What the compiler warns of in this kernel, whichever build compiled it (`CompilerWarnings`); nil where that is not known.
    public var warnings: [String]?

    public init(
        vmlinux: String, release: String, key: String, source: String, configHash: String, profile: String, compiler: String,
        netdevsim: String?, netdevsimReason: String?, log: String
    ) {
        self.vmlinux = vmlinux
        self.release = release
        self.key = key
        self.source = source
        self.configHash = configHash
        self.profile = profile
        self.compiler = compiler
        self.netdevsim = netdevsim
        self.netdevsimReason = netdevsimReason
        self.log = log
    }

    /// Names what runs: two sources may come to one kernel, and one kernel is run once.
    func content() throws -> String {
        Cache.key([try ContentHash.ofFile(vmlinux), try netdevsim.map { try ContentHash.ofFile($0) } ?? ""])
    }
}

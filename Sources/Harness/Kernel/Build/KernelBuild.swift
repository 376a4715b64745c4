// SPDX-License-Identifier: GPL-2.0

/// A kernel that is built and can be booted. None of its paths is in the tree under test.
public struct KernelBuild: Codable, Sendable, Equatable {
    /// Uncompressed ELF with the PVH note.
    public var vmlinux: String
    /// `make kernelrelease`.
    public var release: String
    /// Content key of source, configuration and compiler.
    public var key: String
    /// The source's identity: "debian:linux-source-7.3 7.3.4-1~bpo13+1", "git:COMMIT", "git:COMMIT+changes:KEY", "folder:KEY", "tarball:KEY", "built:KEY";
    /// "...+patches:KEY" with a series on it.
    public var source: String
    /// SHA-256 of the final .config.
    public var configHash: String
    /// The request's profile; for a tree that was built already, "debug" where it has KASAN or lockdep, else "fast".
    public var profile: String
    /// First line of the compiler's --version.
    public var compiler: String
    /// netdevsim.ko with the memory-provider patch; nil where the patch does not apply.
    public var netdevsim: String?
    /// Why `netdevsim` is nil.
    public var netdevsimReason: String?
    /// File names of the patches that `netdevsim` has; nil where that is nil, and in files of older versions of ppiov.
    public var netdevsimPatches: [String]?
    /// The build log.
    public var log: String
    /// The compiler's warnings for this kernel (`CompilerWarnings`), also of objects that an earlier build compiled; nil where they are not known.
    public var warnings: [String]?

    /// A build without netdevsim's patches and warnings, which are added later.
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

    /// The key of vmlinux and netdevsim.ko: two sources may build to the same kernel, which is then run once.
    func content() throws -> String {
        Cache.key([try ContentHash.ofFile(vmlinux), try netdevsim.map { try ContentHash.ofFile($0) } ?? ""])
    }
}

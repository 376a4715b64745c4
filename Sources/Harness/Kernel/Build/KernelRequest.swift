// SPDX-License-Identifier: GPL-2.0

/// The kernel to build: its source and its configuration.
public struct KernelRequest: Sendable, Equatable {
    /// `debian` (the newest of a short list), `debian:7.3` (a series), `debian:VERSION`; or the path of a git tree, a plain
    /// source folder, a tarball, or an already built tree; `tree:PATH` builds the source of such a tree.
    public var source: String
    /// A fragment's name in `vm/config`: "fast" or "debug".
    public var profile: String
    /// More fragments, in order.
    public var configFiles: [String]
    /// `K=V` (or `CONFIG_K=V`), in order, after the fragments.
    public var sets: [String]
    /// Files and folders of patches that are applied to the source first, in order ("-" for standard input).
    public var series: [String] = []
    /// Names an object folder other than the profile's: for fragments that change so much that each switch would compile most of the kernel.
    var variant: String?

    /// The same as options of the command line; the series is left out.
    public var words: [String] {
        (source == "debian" ? [] : ["--kernel", source]) + configuration
    }

    /// Those of the options that are its configuration.
    var configuration: [String] {
        var words: [String] = []
        if profile != "fast" { words += ["--profile", profile] }
        for file in configFiles { words += ["--config", file] }
        for option in sets { words += ["--set", option] }
        return words
    }

    /// A request without a series.
    public init(source: String, profile: String = "fast", configFiles: [String] = [], sets: [String] = []) {
        self.source = source
        self.profile = profile
        self.configFiles = configFiles
        self.sets = sets
    }
}

extension KernelConfig {
    /// The options of a request.
    ///
    /// - Throws: `HarnessError` of kind `.input`: no such profile or file, or a line that is not an option.
    init(request: KernelRequest, folder: String) throws {
        try self.init(profile: request.profile, files: request.configFiles, sets: request.sets, folder: folder)
    }
}

extension KernelRequest {
    /// Reads standard input and pipes among the fragments now, so that nothing waits for them later. An error is thrown where the options are read.
    public func readPipes() {
        for file in configFiles.map(FragmentFile.init) where !file.isPlain { _ = try? file.bytes() }
    }
}

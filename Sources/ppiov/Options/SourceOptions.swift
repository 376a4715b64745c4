// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness

/// The kernel's source and configuration.
struct SourceOptions: ParsableArguments {
    private static let standard = "debian"

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The kernel to test.",
            discussion: """
                A git tree or source folder, a source tarball, a built tree (with vmlinux and .config), TREE@REVISION, or Debian's source: \
                debian:7.3, debian:7.2, debian:6.12, debian:VERSION. "debian" is the newest for which the netdevsim patch is known to apply.
                """, valueName: "tree|tarball|debian:VERSION"))
    var kernel = Self.standard

    // A name and not an enum: a fragment that is added to vm/config is a profile too.
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Configuration profile: fast, or debug, which has KASAN, lockdep, kmemleak and more.", valueName: "name"))
    var profile = "fast"

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "A configuration fragment to add; - for standard input; may be repeated, later ones override earlier ones.", valueName: "file"))
    var config: [String] = []

    @Option(help: ArgumentHelp("A kernel option to set (K=y, K=m, K=n, K=value); may be repeated.", valueName: "K=V"))
    var set: [String] = []

    /// Whether a fragment is standard input.
    var readsStandardInput: Bool { config.contains("-") }

    func validate() throws {
        guard config.count(where: { $0 == "-" }) < 2 else { throw ValidationError("--config - is given twice: standard input is read once") }
        request.readPipes()
    }

    /// Whether no source is named.
    var isDefault: Bool { kernel == Self.standard }

    var request: KernelRequest { KernelRequest(source: kernel, profile: profile, configFiles: config, sets: set) }
}

/// The kernel: a source, and patches on it.
struct KernelOptions: ParsableArguments {
    @OptionGroup var source: SourceOptions

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "Patches to apply to it first: an mbox, a mail, a diff, or a folder of them; - for standard input; may be repeated. A build runs commands of them: see --sandbox.",
            valueName: "series")
    )
    var series: [String] = []

    func validate() throws {
        guard !(source.readsStandardInput && series.contains("-")) else {
            throw ValidationError("--config - and --series - exclude each other: standard input is read once")
        }
    }

    /// The options again, quoted, each with a space after it: for a command that uses this kernel.
    var words: String {
        let words = source.request.words + series.flatMap { ["--series", $0] }
        return words.first.map { Command($0, Array(words.dropFirst())).line + " " } ?? ""
    }

    var request: KernelRequest {
        var request = source.request
        request.series = series
        return request
    }
}

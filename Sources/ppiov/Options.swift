// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Checks
import Foundation
import Harness
import Scenarios

/// Which source, and how it is configured.
struct SourceOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The kernel to judge.",
            discussion: """
                A git tree or source folder, a source tarball, a built tree (with vmlinux and .config), or Debian's source: debian:7.3, \
                debian:7.2, debian:6.12, debian:VERSION. "debian" is the newest for which the netdevsim patch is known to apply.
                """, valueName: "tree|tarball|debian:VERSION"))
    var kernel = "debian"

    @Option(name: .shortAndLong, help: ArgumentHelp("Configuration profile: fast, or debug (KASAN, lockdep, kmemleak, ...).", valueName: "name"))
    var profile = "fast"

    @Option(help: ArgumentHelp("A configuration fragment to add; may be repeated, later ones win.", valueName: "file"))
    var config: [String] = []

    @Option(help: ArgumentHelp("A kernel option to set (K=y, K=m, K=n, K=value); may be repeated.", valueName: "K=V"))
    var set: [String] = []

    var request: KernelRequest { KernelRequest(source: kernel, profile: profile, configFiles: config, sets: set) }
}

/// Which kernel: a source, and patches on it.
struct KernelOptions: ParsableArguments {
    @OptionGroup var source: SourceOptions

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "Patches to put on it first: an mbox, a mail, a diff, or a folder of them; - for standard input; may be repeated.", valueName: "series"))
    var series: [String] = []

    /// The options again, quoted, each with a space after it: for a command that does the same with this kernel.
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

/// The virtual machine.
struct MachineArguments: ParsableArguments {
    @Option(help: ArgumentHelp("kvm, tcg, or auto: KVM where a probe shows that it runs guests.", valueName: "auto|kvm|tcg"))
    var accel = "auto"

    @Option(help: ArgumentHelp("Virtual CPUs.", valueName: "n"))
    var cpus = 2

    @Option(help: ArgumentHelp("Guest memory. (default: \(Self.memory), for kselftest \(Self.selftestMemory))", valueName: "MiB"))
    var memory: Int?

    @Option(help: ArgumentHelp("Multiplies every deadline; for slow machines and heavy debug options.", valueName: "factor"))
    var timeoutScale = 1.0

    func validate() throws {
        guard (1...8).contains(cpus) else { throw ValidationError("--cpus takes 1 to 8 (the profiles' CONFIG_NR_CPUS), not \(cpus)") }
        if let memory, !(256...65536).contains(memory) { throw ValidationError("--memory takes 256 to 65536 MiB, not \(memory)") }
        guard AcceleratorChoice(rawValue: accel) != nil else { throw ValidationError("--accel takes auto, kvm or tcg, not \"\(accel)\"") }
        guard timeoutScale > 0, timeoutScale <= 1000 else { throw ValidationError("--timeout-scale takes a factor above 0, at most 1000") }
    }

    static let memory = 512
    /// A root file system of 200 MB is in it, and half a gigabyte of huge pages.
    static let selftestMemory = 2048

    var options: MachineOptions { options(memory: Self.memory) }

    func options(memory otherwise: Int) -> MachineOptions {
        MachineOptions(
            cpus: cpus, memoryMB: memory ?? otherwise, accelerator: AcceleratorChoice(rawValue: accel) ?? .auto, timeoutScale: timeoutScale)
    }
}

/// Which scenarios.
struct SelectionOptions: ParsableArguments {
    @Option(
        name: .shortAndLong, parsing: .singleValue,
        help: ArgumentHelp("Only scenarios whose name matches this shell pattern; may be given again.", valueName: "glob"))
    var filter: [String] = []

    @Flag(help: "Every scenario, not only the quick ones.")
    var all = false

    /// - Throws: `HarnessError` of kind `.input` where nothing is selected.
    func scenarios() throws -> [Scenario] {
        do {
            return try Catalogue.select(any: filter, all: all)
        } catch {
            throw HarnessError(.input, "\(error)", hint: "`ppiov list --all` shows them all")
        }
    }
}

/// Where results go, and how many machines there are at a time.
struct ResultsOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("The results folder; it must be new. (default: results/TIME)", valueName: "folder"))
    var out: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("Machines at a time. (default: three for every processor, one in profile debug)", valueName: "n"))
    var jobs: Int?

    func validate() throws {
        if let jobs, !(1...64).contains(jobs) { throw ValidationError("--jobs takes 1 to 64, not \(jobs)") }
    }
}

/// What the kernel may say.
struct AllowOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Kernel messages that are known and allowed (docs/results.md).", valueName: "file"))
    var allow: String?

    var words: [String] { allow.map { ["--allow", $0] } ?? [] }

    /// - Throws: `HarnessError` of kind `.input`.
    func list() throws -> AllowList {
        guard let allow else { return AllowList() }
        do {
            return try AllowList(text: try String(contentsOfFile: allow, encoding: .utf8))
        } catch let error as AllowListError {
            throw HarnessError(.input, "\(allow): \(error)", hint: "docs/results.md has the format")
        } catch {
            throw HarnessError(.input, "cannot read the allow-list \(allow): \((error as NSError).localizedDescription)")
        }
    }
}

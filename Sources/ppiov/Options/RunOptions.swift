// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Checks
import Foundation
import Harness
import Scenarios

/// The scenarios to run.
struct SelectionOptions: ParsableArguments {
    @Option(
        name: .shortAndLong, parsing: .singleValue,
        help: ArgumentHelp("Only scenarios whose name matches this shell pattern; may be repeated.", valueName: "glob"))
    var filter: [String] = []

    @Flag(help: "Every scenario, not only the quick ones.")
    var all = false

    /// - Throws: `HarnessError` of kind `.input` where nothing is selected.
    func scenarios() throws -> [Scenario] {
        do {
            let scenarios = try Catalogue.select(any: filter, all: all)
            for renamed in filter.flatMap({ Catalogue.renamed($0, all: all) }) { Console.error("ppiov: \(renamed)") }
            return scenarios
        } catch {
            throw HarnessError(.input, "\(error)", hint: "`ppiov list --all` lists them all")
        }
    }
}

/// The results folder.
struct OutOption: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("The results folder; it must be new. (default: results/TIME)", valueName: "folder"))
    var out: String?
}

/// How many machines run at a time.
struct JobsOption: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Machines at a time. (default: three for each processor that affinity and cgroups grant, one with profile debug, where memory allows)",
            valueName: "n"))
    var jobs: Int?

    func validate() throws {
        if let jobs, !(1...64).contains(jobs) { throw ValidationError("--jobs takes 1 to 64, not \(jobs)") }
    }
}

/// The kernel messages that are no failure.
struct AllowOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Kernel messages that are known and allowed (docs/results.md).", valueName: "file"))
    var allow: String?

    var words: [String] { allow.map { ["--allow", $0] } ?? [] }

    /// - Throws: `HarnessError` of kind `.input`.
    func list() throws -> AllowList {
        guard let allow else { return AllowList() }
        do {
            return try AllowList(bytes: try Data(contentsOf: URL(fileURLWithPath: allow)))
        } catch let error as AllowListError {
            throw HarnessError(.input, "\(allow): \(error)", hint: "docs/results.md describes the format")
        } catch {
            throw HarnessError(.input, "cannot read the allow-list \(allow): \((error as NSError).localizedDescription)")
        }
    }
}

/// The build, the machine, the allowed kernel messages, the results folder, and the number of machines at a time.
struct RunOptions: ParsableArguments {
    @OptionGroup(title: "Build") var build: BuildOptions
    @OptionGroup(title: "Machine") var machine: MachineArguments
    @OptionGroup var folder: OutOption
    @OptionGroup var machines: JobsOption
    @OptionGroup var allowed: AllowOptions

    /// - Parameters:
    ///   - out: the results folder, where it is not that of `--out`.
    ///   - command: the arguments of the command that runs the same again.
    /// - Throws: `HarnessError` of kind `.input` for an allow-list that cannot be read.
    func settings(_ kernel: KernelRequest, out: String? = nil, command: [String] = Invocation.arguments) throws -> RunSettings {
        RunSettings(
            kernel: kernel, machine: machine.options, jobs: machines.jobs, buildJobs: build.jobs, out: out ?? folder.out,
            allowList: try allowed.list(), command: command)
    }
}

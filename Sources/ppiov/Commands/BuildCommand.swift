// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness
import Results

struct BuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Build a kernel and netdevsim, or find them in the cache.",
        discussion: """
            The same source, configuration and compiler are built once; a changed tree is built incrementally. Prints the result as JSON. \
            The tree is never written to.
            """)

    @OptionGroup var kernel: KernelOptions

    @OptionGroup(title: "Build") var build: BuildOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("The same as --build-jobs: here no machine runs.", valueName: "n"))
    var jobs: Int?

    func validate() throws {
        if let jobs {
            guard (1...1024).contains(jobs) else { throw ValidationError("--jobs takes 1 to 1024, not \(jobs)") }
            guard build.buildJobs == nil else { throw ValidationError("--jobs and --build-jobs are the same here: give one of them") }
        }
    }

    func run() async throws {
        let (request, build, jobs) = (kernel.request, build, jobs ?? build.jobs)
        try await Failure.reporting {
            let builder = try await Invocation.context(wantsSandbox: build.wantsSandbox, snapshots: false).builder(jobs: jobs)
            Console.output(String(decoding: try StableJSON.document(try await builder.build(request)), as: UTF8.self))
            return 0
        }
    }
}

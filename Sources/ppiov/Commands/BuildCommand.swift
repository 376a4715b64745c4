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

    @Option(name: .shortAndLong, help: ArgumentHelp("Compilers at a time. (default: one for each processor)", valueName: "n"))
    var jobs: Int?

    func run() async throws {
        let (request, jobs) = (kernel.request, jobs ?? Invocation.processors)
        try await Failure.reporting {
            let builder = KernelBuilder(cache: Cache(), vm: try InstallLayout.vm(), jobs: jobs, progress: Console.progress)
            Console.output(String(decoding: try StableJSON.document(try await builder.build(request)), as: UTF8.self))
            return 0
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Foundation
import Harness

extension Subject: ExpressibleByArgument {}

/// `scripts/bench`: measures ppiov against its aims, and against other tools.
@main
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure ppiov on this machine: a table on standard output, the same in bench.json.",
        discussion: """
            All files are made in a temporary folder and removed at the end; the user's cache is only read, and `cold` does not read it. \
            docs/benchmarks.md describes each row. Ends with 0 where every aim is met, 1 where one is missed or a row could not be \
            measured, 2 for bad usage, 3 where nothing could be measured, 130 when interrupted.
            """)

    @Option(help: ArgumentHelp("Measure only this; may be repeated.", valueName: Subject.allCases.map(\.rawValue).joined(separator: "|")))
    var only: [Subject] = []

    @Option(name: .customLong("repeat"), help: ArgumentHelp("How often short measurements are made; long ones at most 3 times.", valueName: "n"))
    var repeats = 5

    @Option(name: .shortAndLong, help: ArgumentHelp("The kernel, as for `ppiov run`.", valueName: "tree|tarball|debian:VERSION"))
    var kernel = "debian:7.3"

    @Option(help: ArgumentHelp("A folder to work in. It is kept, so that the next run is shorter.", valueName: "folder"))
    var work: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("The file for the results, as JSON.", valueName: "file"))
    var out = "bench.json"

    func validate() throws {
        guard (1...100).contains(repeats) else { throw ValidationError("--repeat takes 1 to 100, not \(repeats)") }
        guard work == nil || !selected.contains(.cold) || !Files.exists("\(work ?? "")/xdg/ppiov") else {
            throw ValidationError("`cold` needs an empty cache: give --work a new folder, or leave `cold` out of --only")
        }
    }

    private var selected: [Subject] { only.isEmpty ? Subject.allCases : Subject.allCases.filter { only.contains($0) } }

    func run() async throws {
        let (subjects, repeats, out) = (selected, repeats, out)
        let kernel = Files.exists(kernel) ? URL(fileURLWithPath: kernel).standardizedFileURL.path : kernel
        let work = work
        let code: Int32
        do {
            code = try await Interruption.guarding(report: Self.report) {
                let folder = try BenchFolder(work)
                defer { folder.remove() }
                let benchmark = Benchmark(
                    product: Product(program: try Self.product(), folder: folder), folder: folder, kernel: kernel, repeats: repeats,
                    report: Self.report)
                var measured = Report(kernel: kernel)
                try await benchmark.run(subjects) { _, rows in
                    measured.rows += rows
                    try Files.write(try measured.json(), to: out)
                }
                print(measured.table(), terminator: "")
                return measured.rows.allSatisfy { $0.verdict != .missed && $0.verdict != .failed } ? 0 : 1
            }
        } catch let error as HarnessError {
            Self.report("\(error)")
            throw ExitCode(error.kind.rawValue)
        }
        throw ExitCode(code)
    }

    /// As ArgumentParser's own, but for the exit code of bad usage.
    static func main() async {
        do {
            let command = try parse()
            try await command.run()
        } catch  where Self.exitCode(for: error) == .validationFailure {
            report(fullMessage(for: error))
            Foundation.exit(HarnessError.Kind.input.rawValue)
        } catch {
            exit(withError: error)
        }
    }

    /// ppiov, in the folder of this executable.
    private static func product() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(fileURLWithPath: own).deletingLastPathComponent().path + "/ppiov"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw HarnessError(.harness, "there is no ppiov at \(path)", hint: "scripts/bench builds both")
        }
        return path
    }

    private static let report: @Sendable (String) -> Void = { text in
        FileHandle.standardError.write(Data("bench: \(text)\n".utf8))
    }
}

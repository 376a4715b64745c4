// SPDX-License-Identifier: GPL-2.0

import Harness

/// The measurements of machines and runs.
extension Benchmark {
    private static let trivial = ["--filter", "harness.pass"]

    /// QEMU's start to the first scenario's start, booting.
    func boot() async throws -> [Measurement] {
        let seconds = try await starts(["--kernel", kernel, "--isolate", "none"] + Self.trivial, name: "boot")
        return [Measurement(name: "start, booting", seconds: seconds, aim: 2.5, note: "QEMU's start to the first scenario's start")]
    }

    /// QEMU's start to the first scenario's start, from a snapshot.
    func snapshot() async throws -> [Measurement] {
        let seconds = try await starts(["--kernel", kernel] + Self.trivial, name: "snapshot")
        return [Measurement(name: "start, from a snapshot", seconds: seconds, aim: 0.5, note: "QEMU's start to the first scenario's start")]
    }

    private func starts(_ arguments: [String], name: String) async throws -> [Double] {
        var seconds: [Double] = []
        // The first run makes the files that the cache lacks: image, snapshot, probe of the accelerator.
        for number in 0...repeats {
            let (_, start) = try await product.scenarios(arguments, name: name)
            guard let start else {
                throw HarnessError(.harness, "metadata.json has no start time of the scenario", evidence: [folder.log(name)])
            }
            if number > 0 { seconds.append(start) }
        }
        return seconds
    }

    /// Every quick scenario, caches warm, with one machine at a time and with ppiov's default number.
    func suite() async throws -> [Measurement] {
        _ = try await product.scenarios(["--kernel", kernel] + Self.trivial, name: "suite-0")
        var rows: [Measurement] = []
        for jobs in [["--jobs", "1"], []] {
            let name = jobs.isEmpty ? "suite" : "suite --jobs 1"
            report(name)
            do {
                let (run, _) = try await product.scenarios(["--kernel", kernel] + jobs, name: jobs.isEmpty ? "suite" : "suite-1")
                var row = Measurement(name: name, seconds: [run.seconds])
                if jobs.isEmpty, let one = rows.first?.median { row.reference = Measurement.Reference(name: "--jobs 1", seconds: one) }
                rows.append(row)
            } catch let error as HarnessError where error.kind != .interrupted {
                rows.append(Measurement(name: name, seconds: [], problem: error.message))
            }
        }
        return rows
    }
}

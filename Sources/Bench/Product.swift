// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness
import Results

/// The ppiov that is measured, run as a process and timed from outside.
struct Product: Sendable {
    /// The executable.
    var program: String
    var folder: BenchFolder

    /// One command that has ended.
    struct Run: Sendable {
        /// From the start of the process to its end.
        var seconds: Double
        /// Its lines on standard error, with the seconds since its start.
        var lines: [(time: Double, text: String)]
        var output: String

        /// Seconds from each line that starts with one of these words to the line after it.
        func phase(_ words: String...) -> Double {
            lines.indices.reduce(0) { sum, index in
                guard words.contains(where: { lines[index].text.hasPrefix($0) }) else { return sum }
                return sum + (index + 1 < lines.count ? lines[index + 1].time : seconds) - lines[index].time
            }
        }

        func printed(_ word: String) -> Bool { lines.contains { $0.text.hasPrefix(word) } }
    }

    /// Runs `ppiov` with the benchmark's cache.
    ///
    /// - Throws: `HarnessError` with the last lines where it does not end in 0.
    func callAsFunction(_ arguments: [String], name: String) async throws -> Run {
        let log = folder.log(name)
        try? FileManager.default.removeItem(atPath: log)
        let command = Command(
            program, arguments, environment: ["XDG_CACHE_HOME": folder.path + "/xdg", "NO_COLOR": "1"], directory: folder.path)
        let begin = ContinuousClock.now
        try await command.run(log: log)
        let seconds = (ContinuousClock.now - begin).seconds
        let text = Files.text(log) ?? ""
        return Run(seconds: seconds, lines: Self.progress(text), output: text)
    }

    /// Runs `ppiov` where it must find a failure, and print a line with `word`.
    ///
    /// - Throws: `HarnessError` where it finds none.
    func failing(_ arguments: [String], printing word: String, name: String) async throws {
        do {
            _ = try await self(arguments, name: name)
        } catch let error as HarnessError where error.kind == .harness && (Files.text(folder.log(name)) ?? "").contains(word) {
            return
        }
        throw HarnessError(.harness, "`ppiov \(arguments.joined(separator: " "))` found no failure", evidence: [folder.log(name)])
    }

    /// The kernel of a request, built where the cache does not have it.
    func kernel(_ request: [String], name: String) async throws -> (build: KernelBuild, run: Run) {
        let run = try await self(["build"] + request, name: name)
        // Only the JSON has lines that begin with a brace.
        guard let open = run.output.range(of: "\n{\n"), let close = run.output.range(of: "\n}", options: .backwards),
            let build = try? JSONDecoder().decode(KernelBuild.self, from: Data("{\(run.output[open.upperBound..<close.lowerBound])}".utf8))
        else { throw HarnessError(.harness, "`ppiov build` printed no kernel", evidence: [folder.log(name)]) }
        return (build, run)
    }

    /// Runs scenarios.
    ///
    /// - Returns: the run, and the seconds from QEMU's start to the first scenario's start, as the harness measured them.
    func scenarios(_ arguments: [String], name: String) async throws -> (run: Run, start: Double?) {
        let out = folder.out()
        let run = try await self(["run", "--out", out] + arguments, name: name)
        struct Metadata: Decodable { var starts: [String: Double]? }
        let metadata = FileManager.default.contents(atPath: out + "/metadata.json").flatMap { try? JSONDecoder().decode(Metadata.self, from: $0) }
        return (run, metadata?.starts?.values.first)
    }

    /// Lines such as "[  12.3] compiling".
    static func progress(_ text: String) -> [(time: Double, text: String)] {
        text.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("["), let end = line.firstIndex(of: "]"),
                let time = Double(line[line.index(after: line.startIndex)..<end].trimmingCharacters(in: .whitespaces))
            else { return nil }
            return (time, String(line[line.index(after: end)...].drop { $0 == " " }))
        }
    }
}

/// How long something takes, in seconds.
func secondsTaken(_ body: () async throws -> Void) async throws -> Double {
    let begin = ContinuousClock.now
    try await body()
    return (ContinuousClock.now - begin).seconds
}

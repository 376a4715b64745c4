// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Subprocess

/// Runs the kernel's make. Every variable that would make two builds of the same source differ has a fixed value.
struct KernelMake: Sendable {
    /// The source folder. It is only read.
    var source: String
    /// The `O=` folder.
    var objects: String
    /// Its path for make, in the sandbox; nil for the same.
    var place: String?
    var jobs: Int
    var log: String
    var sandbox: BuildSandbox?

    static let fixed = [
        "ARCH": "x86_64", "LOCALVERSION": "", "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970", "KBUILD_BUILD_VERSION": "1",
        "KBUILD_BUILD_USER": "ppiov", "KBUILD_BUILD_HOST": "ppiov", "SOURCE_DATE_EPOCH": "0",
    ]

    /// make prints the output of a step in one piece, below its line.
    static let outputSync = ["--output-sync=target"]

    static func command(_ arguments: [String]) -> Command {
        var command = Command("make", arguments, environment: fixed)
        command.inherited = MakeEnvironment.passed(of: ProcessInfo.processInfo.environment)
        return command
    }

    /// - Throws: `HarnessError` of kind `.harness` with the first lines of the log that name an error.
    func run(_ goals: [String], what: String) async throws {
        let seen = place ?? objects
        var command = Self.command(["-C", source, "O=" + seen, "-j\(jobs)"] + Self.outputSync + goals)
        if let sandbox {
            command = sandbox.wrapped(command, reads: [BuildSandbox.Folder(source)], writes: [BuildSandbox.Folder(objects, at: seen)])
        }
        try await Self.run(command, log: log, what: what)
    }

    /// Runs any make. A failure is explained by its log.
    static func run(_ command: Command, log: String, what: String) async throws {
        let start = FileStatus(log)?.size ?? 0
        let status = try await command.status(log: log)
        guard !status.isSuccess else { return }
        let text = Files.text(log, from: start)
        // Of a program that a signal ended in the sandbox, bwrap's status is 128 and the signal.
        guard case .exited(let code) = status, command.prefix.isEmpty || code <= 128, text.filledLines.count > 1 else {
            throw command.failure(.harness, status, tail: text)
        }
        throw explained(what, text: text, log: log)
    }

    /// The error for the output of a failed make.
    static func explained(_ what: String, text: String, log: String) -> HarnessError {
        let evidence = firstErrors(in: text) + ["the whole log: \(log)"]
        if Files.isFull(text) { return Files.full("finish \(what)", evidence: evidence) }
        return HarnessError(
            .harness, "\(what) failed",
            hint: "if the tree is yours, check that it builds without ppiov; `ppiov doctor` names missing tools and libraries",
            evidence: evidence, blame: isSourceError(text) ? .kernel : .harness, cause: .toolFailed, log: log)
    }

    /// Whether the fault is in the source; false for a compiler, linker or make that was killed, had no memory, or is not installed.
    private static func isSourceError(_ text: String) -> Bool {
        let words = [
            "Killed signal terminated program", "Terminated signal terminated program", "internal compiler error", "ld terminated with signal",
            "annot allocate memory", "memory exhausted", "out of memory allocating", "Input/output error", "Read-only file system",
            "Too many open files", "Resource temporarily unavailable",
        ]
        // make's text for a command that a signal ended, or that a shell did not find.
        let ends = [
            "] Killed", "] Terminated", "] Segmentation fault", "] Bus error", "] Error 135", "] Error 137", "] Error 139", "] Error 143",
            "*** Terminated", "*** wait: No child processes.  Stop.",
        ]
        return !text.filledLines.contains { line in
            // The compiler quotes the source in lines with a bar: those do not count.
            if line.holds("***") { return ends.contains { line.replacing(" (core dumped)", with: "").ends(with: $0) } }
            // Without a path it is a program of the host, with one a script of the source.
            if line.ends(with: ": not found") { return line.components(separatedBy: ": ").dropLast().last?.contains("/") == false }
            return !line.holds(" | ") && words.contains { line.holds($0) }
        }
    }

    /// The lines that explain a failure: errors of compiler and linker; where there are none, those of make and the last lines.
    static func firstErrors(in text: String, limit: Int = 12) -> [String] {
        let lines = text.filledLines.map(String.init)
        let compiler = lines.filter { $0.holds("error:") || $0.holds("undefined reference") || $0.holds("No space left on device") }
        if !compiler.isEmpty { return Array(compiler.prefix(limit)) }
        let make = lines.filter { $0.holds("*** ") || $0.begins(with: "ERROR: ") }
        let tail = lines.suffix(limit)
        return Array(make.prefix(limit / 2)) + tail.filter { !make.contains($0) }
    }

    /// How many steps a log has: Kbuild prints one word in capitals and a path for each.
    static func steps(in text: some StringProtocol) -> Int {
        text.filledLines.count { isStep($0) }
    }

    static func isStep(_ line: some StringProtocol) -> Bool {
        // The compiler prints lines of the source as "   12 | int x;".
        guard line.begins(with: "  "), let word = line.split(separator: " ").first, word.first?.isLetter == true else { return false }
        return word.count <= 8 && word.utf8.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == UInt8(ascii: "2") }
    }
}

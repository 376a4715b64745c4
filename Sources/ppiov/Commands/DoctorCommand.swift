// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "List what ppiov needs of this machine, what is missing, and how to get it.",
        discussion: "Ends with 3 where a tool is missing without which ppiov does not work.")

    func run() async throws {
        try await Failure.reporting {
            let checks = await Doctor(cache: Cache(), agent: InstallLayout.agent).examine()
            for check in checks {
                Console.output(TextColumns.pad(check.missing ? "MISSING" : "ok", to: 8) + "\(check.name): \(check.detail)\n")
                if let hint = check.hint { Console.output("        -> \(hint)\n") }
            }
            return checks.contains { $0.missing } ? HarnessError.Kind.harness.rawValue : 0
        }
    }
}

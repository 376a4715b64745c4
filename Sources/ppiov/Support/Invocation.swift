// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
import Harness

/// This process: its arguments, its host, and the context of its sessions.
enum Invocation {
    static var arguments: [String] { Array(CommandLine.arguments.dropFirst()) }

    static var processors: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

    /// - Throws: `HarnessError` where the repository's `vm/` folder is not found.
    static func context() throws -> HarnessContext {
        HarnessContext(cache: Cache(), vm: try InstallLayout.vm(), agent: InstallLayout.agent, today: try today(), progress: Console.progress)
    }

    private static func today() throws -> Day {
        let parts = Calendar(identifier: .gregorian).dateComponents(in: .gmt, from: Date())
        guard let day = Day(year: parts.year ?? 0, month: parts.month ?? 0, day: parts.day ?? 0) else {
            throw HarnessError(.harness, "the clock has no valid date")
        }
        return day
    }
}

// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
import Harness

/// This process: its arguments, its host, and the context of its sessions.
enum Invocation {
    static var arguments: [String] { Array(CommandLine.arguments.dropFirst()) }

    /// The context of a command that builds kernels. Checks the cache and the sandbox, and names the variables that are not passed to make.
    ///
    /// - Parameter snapshots: the command takes snapshots of machines.
    /// - Throws: `HarnessError` where the repository's `vm/` folder is not found, the cache cannot be used, or there is no sandbox.
    static func context(wantsSandbox: Bool, snapshots: Bool = true) async throws -> HarnessContext {
        let cache = Cache()
        try CacheFolder(cache).require(snapshots: snapshots)
        let ignored = MakeEnvironment.ignored(of: ProcessInfo.processInfo.environment)
        if !ignored.isEmpty { Console.progress.report("not passed to make, from the environment: \(ignored.joined(separator: ", "))") }
        return HarnessContext(
            cache: cache, vm: try InstallLayout.vm(), agent: InstallLayout.agent, today: try today(),
            sandbox: wantsSandbox ? try await BuildSandbox() : nil, progress: Console.progress)
    }

    private static func today() throws -> Day {
        let parts = Calendar(identifier: .gregorian).dateComponents(in: .gmt, from: Date())
        guard let day = Day(year: parts.year ?? 0, month: parts.month ?? 0, day: parts.day ?? 0) else {
            throw HarnessError(.harness, "the clock has no valid date")
        }
        return day
    }
}

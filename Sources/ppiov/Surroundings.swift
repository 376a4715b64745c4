// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness

/// Where this executable finds what belongs to it, whatever the current folder is.
enum Surroundings {
    private static var executable: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments.first ?? "ppiov"
    }

    private static var variables: [String: String] { ProcessInfo.processInfo.environment }

    /// The agent: PPIOV_AGENT, or beside this executable.
    static var agent: String { variables["PPIOV_AGENT"] ?? (executable as NSString).deletingLastPathComponent + "/ppiov-agent" }

    /// The repository's `vm/` folder: PPIOV_VM, or the nearest above this executable.
    static func vm() throws -> String {
        if let given = variables["PPIOV_VM"] { return given }
        if let top = top { return top + "/vm" }
        throw HarnessError(.harness, "there is no vm/ folder above \(executable)", hint: "set PPIOV_VM to the repository's vm folder")
    }

    /// The repository's `mutants/` folder.
    static func mutants() throws -> String {
        if let top = top { return top + "/mutants" }
        throw HarnessError(.input, "there is no mutants/ folder above \(executable)", hint: "name one with --mutants")
    }

    /// The nearest folder above this executable that looks like the repository.
    private static var top: String? {
        var folder = (executable as NSString).deletingLastPathComponent
        while folder.count > 1 {
            if FileManager.default.fileExists(atPath: folder + "/vm/init.c") { return folder }
            folder = (folder as NSString).deletingLastPathComponent
        }
        return nil
    }

    static func workshop(_ progress: Harness.Progress) throws -> Workshop {
        Workshop(cache: Cache(), vm: try vm(), agent: agent, progress: progress)
    }

    static var processors: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
}

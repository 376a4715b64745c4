// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness

/// The paths of this executable's files; they do not depend on the current folder.
enum InstallLayout {
    private static var executable: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments.first ?? "ppiov"
    }

    private static var variables: [String: String] { ProcessInfo.processInfo.environment }

    /// The agent: PPIOV_AGENT, or `ppiov-agent` in the folder of this executable.
    static var agent: String { variables["PPIOV_AGENT"] ?? (executable as NSString).deletingLastPathComponent + "/ppiov-agent" }

    /// The repository's `vm/` folder: PPIOV_VM, or that of the repository above this executable.
    static func vm() throws -> String {
        if let given = variables["PPIOV_VM"] { return given }
        if let repository { return repository + "/vm" }
        throw HarnessError(.harness, "there is no vm/ folder above \(executable)", hint: "set PPIOV_VM to the repository's vm folder")
    }

    /// The repository's `mutants/` folder.
    static func mutants() throws -> String {
        if let repository { return repository + "/mutants" }
        throw HarnessError(.input, "there is no mutants/ folder above \(executable)", hint: "name one with --mutants")
    }

    /// The nearest folder above this executable that has vm/init.c.
    private static var repository: String? {
        var folder = (executable as NSString).deletingLastPathComponent
        while folder.count > 1 {
            if FileManager.default.fileExists(atPath: folder + "/vm/init.c") { return folder }
            folder = (folder as NSString).deletingLastPathComponent
        }
        return nil
    }
}

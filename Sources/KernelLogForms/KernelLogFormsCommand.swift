// SPDX-License-Identifier: GPL-2.0

import Foundation

/// `scripts/kernel-log-forms`: prints the texts by which kernel sources report a fault, or that a detector has switched itself off.
///
/// One line per call: -<TAB>VERSION<TAB>FILE<TAB>CALL<TAB>TEXT. "-" is the place of the kind in the table, TEXT is the format with the file's prefix
/// (pr_fmt), and "+stack" is added to CALL where the code dumps the stack after it. `Tests/ChecksTests/Logs/forms.tsv` was made from its output for 6.12,
/// 7.2 and 7.3; docs/results.md says how to add a version.
@main
enum KernelLogFormsCommand {
    private static let usage = """
        USAGE: scripts/kernel-log-forms TREE...

        Prints the texts by which kernel sources report a fault, or that a detector has switched itself off.

        """

    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments == ["--help"] || arguments == ["-h"] {
            print(usage, terminator: "")
            return
        }
        guard let first = arguments.first, !first.hasPrefix("-") else {
            FileHandle.standardError.write(Data(usage.utf8))
            exit(2)
        }
        do {
            for path in arguments {
                let tree = MessageSources(path: path)
                let version = try tree.version()
                for file in try tree.files() {
                    for form in MessageForm.forms(in: file.text, of: file.name, onlyWithStack: !file.isDetector) {
                        FileHandle.standardOutput.write(Data(form.line(version: version) + [0x0a]))
                    }
                }
            }
        } catch {
            FileHandle.standardError.write(Data("kernel-log-forms: \(error)\n".utf8))
            exit(1)
        }
    }
}

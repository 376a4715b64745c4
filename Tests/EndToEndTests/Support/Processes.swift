// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The processes in /proc.
enum Processes {
    struct Entry: Equatable, CustomStringConvertible {
        var id: Int32
        /// The program and its arguments.
        var words: [String]

        var program: String { (words.first.map { $0 as NSString })?.lastPathComponent ?? "" }
        var description: String { "\(id): \(words.joined(separator: " ").prefix(200))" }
    }

    /// The processes with the mark of a `Running` in their environment, or its TMPDIR: make gets only some of the variables. A zombie has no
    /// environment.
    static func marked(_ mark: String) -> [Entry] {
        let temporary = "/\(mark.prefix(8))/tmp"
        return all.filter { process in
            strings(process.id, "environ").contains { variable in
                variable == "\(Running.markName)=\(mark)" || (variable.hasPrefix("TMPDIR=") && variable.hasSuffix(temporary))
            }
        }
    }

    /// The QEMU guests among them; `qemu --version` is none.
    static func guests(_ mark: String) -> [Entry] {
        marked(mark).filter { $0.program.hasPrefix("qemu-system") && $0.words.contains("-initrd") }
    }

    /// Whether the process runs; false for a zombie.
    static func isAlive(_ id: Int32) -> Bool { !strings(id, "cmdline").isEmpty }

    /// A set of signals in /proc/ID/status: bit N - 1 is signal N.
    static func signals(_ id: Int32, _ field: String) -> UInt64 {
        let text = (try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(field + ":") }
        return line.flatMap { UInt64($0.dropFirst(field.count + 1).drop { $0 == "\t" }, radix: 16) } ?? .max
    }

    private static var all: [Entry] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.map { Entry(id: $0, words: strings($0, "cmdline")) }
    }

    private static func strings(_ id: Int32, _ file: String) -> [String] {
        let bytes = (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(id)/\(file)"))) ?? Data()
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}

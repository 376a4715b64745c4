// SPDX-License-Identifier: GPL-2.0

import Foundation

/// What the compiler said of each object in a folder that is kept between builds.
///
/// A log has the warnings of what was compiled in that build, and make compiles what changed: the rest must be remembered, or a patch
/// would be free of warnings the second time it is built.
struct BuildWarnings: Codable, Equatable, Sendable {
    /// By Kbuild's line for a step, "CC net/core/dev.o": what its last turn warned of. Steps without are not there.
    private(set) var steps: [String: [String]] = [:]
    /// Said outside of any step of the last build.
    private(set) var loose: [String] = []

    private static func file(_ objects: String) -> String { objects + ".warnings" }

    init() {}

    /// Those of an object folder; none where none are known.
    init(of objects: String) {
        guard let data = FileManager.default.contents(atPath: Self.file(objects)), let known = try? JSONDecoder().decode(Self.self, from: data) else { return }
        self = known
    }

    func save(_ objects: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try Disk.write(try Disk.trying("encode the warnings") { try encoder.encode(self) }, to: Self.file(objects))
    }

    /// Takes over a build's log, in which the output of a step follows its line (make's `--output-sync=target`).
    ///
    /// - Parameter source: the folder of the source, which its files are named without: one source may lie in several.
    mutating func take(_ log: String, source: String) {
        let log = log.replacingOccurrences(of: source + "/", with: "")
        var (step, said): (String?, [String]) = (nil, [])
        loose = []
        func end(_ steps: inout [String: [String]], _ loose: inout [String]) {
            if let step { steps[step] = said.isEmpty ? nil : said } else { loose += said }
        }
        for line in log.split(separator: "\n") {
            if let next = Self.step(line) {
                end(&steps, &loose)
                (step, said) = (next, [])
            } else if let warning = CompilerWarnings.warning(line), !said.contains(warning) {
                said.append(warning)
            }
        }
        end(&steps, &loose)
    }

    /// All, each once, of steps whose object is still in the folder, or in that of its netdevsim.
    func all(in objects: String) -> [String] {
        var seen: Set<String> = []
        let folders = ["", objects + "/", NetdevsimModule.work(objects) + "/", NetdevsimModule.work(objects) + "/\(NetdevsimModule.driver)/"]
        let kept = steps.sorted { $0.key < $1.key }.filter { step, _ in
            let path = String(step.split(separator: " ").last ?? "")
            return folders.contains { !($0.isEmpty && !path.hasPrefix("/")) && FileStatus($0 + path) != nil }
        }
        return (loose + kept.flatMap(\.value)).filter { seen.insert($0).inserted }
    }

    /// "CC net/core/dev.o" for Kbuild's "  CC      net/core/dev.o" and "  CC [M]  net/core/dev.o".
    private static func step(_ line: Substring) -> String? {
        guard KernelMake.isStep(line) else { return nil }
        let words = line.split(separator: " ")
        guard words.count > 1, let name = words.first, let path = words.last else { return nil }
        return "\(name) \(path)"
    }
}

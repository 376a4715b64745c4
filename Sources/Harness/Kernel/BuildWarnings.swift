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
    /// Whether the folder was empty when this began: else there are objects of which nobody knows.
    private(set) var isWhole = false

    private static func file(_ objects: String) -> String { objects + ".warnings" }

    init() {}

    /// Those of an object folder; none where none are known.
    init(of objects: String) {
        isWhole = Disk.names(in: objects).isEmpty
        guard let data = FileManager.default.contents(atPath: Self.file(objects)), let known = try? JSONDecoder().decode(Self.self, from: data) else {
            return
        }
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

    /// All, each once; nil where the folder has objects of which nobody knows.
    ///
    /// - Parameter linked: the objects that the kernel is made of. Kbuild leaves those of a source that is gone, or not wanted any more,
    ///   where they are. nil takes every object that is there.
    func all(in objects: String, linked: Set<String>? = nil) -> [String]? {
        guard isWhole else { return nil }
        var seen: Set<String> = []
        let module = NetdevsimModule.work(objects)
        let kept = steps.sorted { $0.key < $1.key }.filter { step, _ in
            let path = String(step.split(separator: " ").last ?? "")
            guard path.hasSuffix(".o") || path.hasSuffix(".ko") else { return true }
            if path.hasPrefix("/") { return FileStatus(path) != nil }
            if [module, "\(module)/\(NetdevsimModule.driver)"].contains(where: { FileStatus($0 + "/" + path) != nil }) { return true }
            if let linked, path.contains("/") { return linked.contains(path) }
            return FileStatus(objects + "/" + path) != nil
        }
        return (loose + kept.flatMap(\.value)).filter { seen.insert($0).inserted }
    }

    /// The objects in the archives that vmlinux is linked from (KBUILD_VMLINUX_LIBS of x86 among them); nil where there are none.
    static func linked(in objects: String) async throws -> Set<String>? {
        let archives = ["vmlinux.a", "lib/lib.a", "arch/x86/lib/lib.a"].filter { Disk.isFile(objects + "/" + $0) }
        guard archives.contains("vmlinux.a") else { return nil }
        var members: Set<String> = []
        for archive in archives {
            let list = try await Command("ar", ["t", archive], directory: objects).output()
            members.formUnion(list.split(separator: "\n").map(String.init))
        }
        return members
    }

    /// "CC net/core/dev.o" for Kbuild's "  CC      net/core/dev.o" and "  CC [M]  net/core/dev.o".
    private static func step(_ line: Substring) -> String? {
        guard KernelMake.isStep(line) else { return nil }
        let words = line.split(separator: " ")
        guard words.count > 1, let name = words.first, let path = words.last else { return nil }
        return "\(name) \(path)"
    }
}

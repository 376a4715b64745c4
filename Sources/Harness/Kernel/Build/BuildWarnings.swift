// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// The compiler's warnings for each object in a folder that is kept between builds.
///
/// The log of a build has the warnings of the objects compiled in that build, and make compiles only the changes. Without this record a
/// patch would have no warnings when it is built a second time.
struct BuildWarnings: Codable, Equatable, Sendable {
    /// The warnings of each step when it ran last, by Kbuild's line for it: "CC net/core/dev.o". Steps without warnings are left out.
    private(set) var steps: [String: [String]] = [:]
    /// Warnings of the last build outside of any step.
    private(set) var outside: [String] = []
    /// Whether the folder was empty when the record began; else it has objects whose warnings are not known.
    private(set) var isComplete = false

    private enum CodingKeys: String, CodingKey {
        case steps
        case outside = "loose"
        case isComplete = "isWhole"
    }

    private static func file(_ objects: String) -> String { objects + ".warnings" }

    init() {}

    /// The record of an object folder; empty where there is none.
    init(of objects: String) {
        isComplete = Files.names(in: objects).isEmpty
        guard let data = FileManager.default.contents(atPath: Self.file(objects)), let known = try? JSONDecoder().decode(Self.self, from: data) else {
            return
        }
        self = known
    }

    func save(_ objects: String) throws {
        try Files.write(json: self, to: Self.file(objects))
    }

    /// Adds the log of a build, in which the output of a step follows its line (make's `--output-sync=target`).
    ///
    /// - Parameter source: the folder of the source. It is removed from the names of files, since one source may be in several folders.
    mutating func add(_ log: String, source: String) {
        let log = log.replacingOccurrences(of: source + "/", with: "")
        var (step, warnings): (String?, [String]) = (nil, [])
        outside = []
        func end(_ steps: inout [String: [String]], _ outside: inout [String]) {
            if let step { steps[step] = warnings.isEmpty ? nil : warnings } else { outside += warnings }
        }
        for line in log.filledLines {
            if let next = Self.step(line) {
                end(&steps, &outside)
                (step, warnings) = (next, [])
            } else if let warning = CompilerWarnings.warning(line), !warnings.contains(warning) {
                warnings.append(warning)
            }
        }
        end(&steps, &outside)
    }

    /// All warnings, each once; nil where the folder has objects whose warnings are not known.
    ///
    /// - Parameter linked: the objects that the kernel is linked from. Kbuild does not remove the object of a source that was removed or is no
    ///   longer configured. nil counts every object in the folder.
    func all(in objects: String, linked: Set<String>? = nil) -> [String]? {
        guard isComplete else { return nil }
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
        return (outside + kept.flatMap(\.value)).filter { seen.insert($0).inserted }
    }

    /// The objects in the archives that vmlinux is linked from (KBUILD_VMLINUX_LIBS of x86 among them); nil where there are none.
    ///
    /// - Parameter sandbox: ar runs in it; nil for none.
    static func linked(in objects: String, sandbox: BuildSandbox? = nil) async throws -> Set<String>? {
        let archives = ["vmlinux.a", "lib/lib.a", "arch/x86/lib/lib.a"].filter { Files.isFile(objects + "/" + $0) }
        guard archives.contains("vmlinux.a") else { return nil }
        var members: Set<String> = []
        for archive in archives {
            let command = Command("ar", ["t", archive], directory: objects)
            let list = try await (sandbox?.wrapped(command, reads: [BuildSandbox.Folder(objects)]) ?? command).output()
            members.formUnion(list.filledLines.map(String.init))
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

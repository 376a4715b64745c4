// SPDX-License-Identifier: GPL-2.0

import Crypto
import Foundation
import Results

/// The guest's root file system: init, the agent with its libraries, and modules. No file system of the host is shared.
///
/// It is an uncompressed cpio: unpacking takes the guest longer than reading, most of all under TCG.
public struct GuestImage: Sendable, Equatable {
    /// The cpio file.
    public var path: String
    /// Content key.
    public var key: String

    /// The folder of the libraries in the guest. init adds it to LD_LIBRARY_PATH.
    static let libraryFolder = "/lib/ppiov"
    static let moduleFolder = "/lib/modules/ppiov"

    /// Builds the image, or finds it in the cache.
    ///
    /// - Parameters:
    ///   - agent: the agent's program; it becomes /bin/ppiov-agent.
    ///   - initSource: vm/init.c; compiled static with `cc`.
    ///   - modules: kernel modules; init loads them in the order of their names.
    ///   - extra: more files. The libraries of an ELF program are added too.
    ///   - trees: folders that are added unchanged.
    ///   - cache: the image is in its folder "images".
    /// - Throws: `HarnessError` that names the file that is missing or cannot be used.
    public static func build(
        agent: String, initSource: String, modules: [String], extra: [(guestPath: String, hostPath: String)] = [],
        trees: [(guestPath: String, hostPath: String)] = [], cache: Cache, progress: Progress = .discarded
    ) async throws -> GuestImage {
        let system = await ELFClosure.systemLibraries()
        let initProgram = try await compile(initSource, cache)
        return try await blocking {
            let bytes = try archive(agent, initProgram, modules, extra, trees, system)
            try Cancellation.check()
            return try store(bytes, cache, progress)
        }
    }

    private static func archive(
        _ agent: String, _ initProgram: String, _ modules: [String], _ extra: [(guestPath: String, hostPath: String)],
        _ trees: [(guestPath: String, hostPath: String)], _ system: [String: [String]]
    ) throws -> [UInt8] {
        var archive = CPIO()
        var libraries: [String: String] = [:]
        for folder in ["/dev", "/proc", "/sys", "/tmp", "/run", "/bin", "/etc", libraryFolder, moduleFolder] {
            try archive.addDirectory(folder)
        }
        try archive.addFile("/init", read(initProgram), mode: 0o755)
        try add(program: agent, as: "/bin/ppiov-agent", to: &archive, &libraries, system)
        for module in modules.sorted() {
            try archive.addFile("\(moduleFolder)/\((module as NSString).lastPathComponent)", read(module))
        }
        for file in extra.sorted(by: { $0.guestPath < $1.guestPath }) {
            try add(program: file.hostPath, as: file.guestPath, to: &archive, &libraries, system)
        }
        for tree in trees { try archive.addTree(tree.hostPath, at: tree.guestPath) }
        return archive.bytes()
    }

    private static func store(_ bytes: [UInt8], _ cache: Cache, _ progress: Progress) throws -> GuestImage {
        let key = ContentHash.hex(SHA256.hash(data: bytes).prefix(10))
        let folder = try cache.folder("images")
        let path = folder + "/\(key).cpio"
        if FileManager.default.fileExists(atPath: path) {
            CacheAge.use(path)
        } else {
            try Files.write(Data(bytes), to: path)
            progress.report("made the guest's image, \(bytes.count >> 20) MB")
            CacheAge.prune(folder) { $0.hasSuffix(".cpio") }
        }
        return GuestImage(path: path, key: key)
    }

    /// Adds a program with its libraries; any other file unchanged.
    private static func add(
        program: String, as guestPath: String, to archive: inout CPIO, _ libraries: inout [String: String], _ system: [String: [String]]
    ) throws {
        let bytes = try read(program)
        let executable = FileManager.default.isExecutableFile(atPath: program)
        try archive.addFile(guestPath, bytes, mode: executable ? 0o755 : 0o644)
        guard ELFFile.isELF(bytes), executable else { return }
        let closure = try ELFClosure(of: program, systemLibraries: system)
        if let interpreter = closure.interpreter, !archive.contains(interpreter.guest) {
            try archive.addFile(interpreter.guest, read(interpreter.host), mode: 0o755)
        }
        for (name, host) in closure.libraries.sorted(by: { $0.key < $1.key }) {
            let place = "\(libraryFolder)/\((name as NSString).lastPathComponent)"
            if let present = libraries[place] {
                // All programs of the guest use the same folder of libraries.
                guard present == host else {
                    throw HarnessError(.input, "\(program) needs \(host) where another program of the guest needs \(present)")
                }
                continue
            }
            libraries[place] = host
            try archive.addFile(place, read(host), mode: 0o755)
        }
    }

    private static func read(_ path: String) throws -> [UInt8] {
        do {
            return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw HarnessError(.input, "cannot read \(path), which the guest's image needs: \(error.localizedDescription)")
        }
    }

    /// The compiled init; cached under the key of its source and the compiler.
    private static func compile(_ source: String, _ cache: Cache) async throws -> String {
        let text = String(decoding: try read(source), as: UTF8.self)
        let flags = ["-static", "-Os", "-s", "-Wall", "-Wextra", "-Werror"]
        let compiler = try await Command("cc", ["--version"]).output().filledLines.first.map(String.init) ?? ""
        let program = try cache.folder("init") + "/" + Cache.key(["init", text, compiler] + flags)
        if FileManager.default.isExecutableFile(atPath: program) { return program }
        let making = Files.temporary(for: program)
        defer { try? FileManager.default.removeItem(atPath: making) }
        do {
            try await Command("cc", flags + ["-o", making, source]).output()
        } catch let error as HarnessError {
            throw HarnessError(
                error.kind, "the guest's init does not compile: \(error.message)", hint: "install cc and the static libc (libc6-dev)",
                evidence: error.evidence)
        }
        // rename(2) replaces the file that another process may have written meanwhile; its content is the same.
        guard rename(making, program) == 0 else {
            throw HarnessError(.harness, "cannot write \(program): \(String(cString: strerror(errno)))")
        }
        return program
    }
}

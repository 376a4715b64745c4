// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// The files that the loader of a program reads: its interpreter and its shared libraries, found as ld.so(8) finds them.
struct ELFClosure: Sendable, Equatable {
    /// PT_INTERP and the file on the host; nil for a static program.
    var interpreter: (guest: String, host: String)?
    /// By the name in DT_NEEDED, the file on the host.
    var libraries: [String: String] = [:]

    static func == (left: ELFClosure, right: ELFClosure) -> Bool {
        left.interpreter?.guest == right.interpreter?.guest && left.interpreter?.host == right.interpreter?.host
            && left.libraries == right.libraries
    }

    /// The folders that ld.so searches last.
    private static let defaultFolders = [
        "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib",
    ]

    /// - Parameters:
    ///   - program: a file on the host.
    ///   - systemLibraries: `ldconfig -p` as `systemLibraries()` reads it.
    /// - Throws: `HarnessError` that names the library that is missing, the file that needs it, and the paths that were searched.
    init(of program: String, systemLibraries: [String: [String]]) throws {
        let root = try Self.read(program)
        if let path = root.interpreter {
            guard path.hasPrefix("/"), FileManager.default.fileExists(atPath: path) else {
                throw HarnessError(.harness, "\(program) needs the interpreter \(path), which is not installed")
            }
            interpreter = (path, Self.real(path))
        }
        let interpreterName = root.interpreter.map { ($0 as NSString).lastPathComponent }
        // A file's DT_RPATH or DT_RUNPATH is searched for the libraries that it needs.
        var queue: [(needed: String, by: String, file: ELFFile)] = root.needed.map { ($0, program, root) }
        while let (name, by, file) = queue.first {
            queue.removeFirst()
            // The interpreter is in the image already.
            if name == interpreterName || libraries[name] != nil { continue }
            let origin = (Self.real(by) as NSString).deletingLastPathComponent
            let own = file.searchPaths.map { Self.expand($0, origin: origin) }
            let candidates =
                name.contains("/")
                ? [name]
                : own.map { "\($0)/\(name)" } + (systemLibraries[name] ?? []) + Self.defaultFolders.map { "\($0)/\(name)" }
            guard let found = candidates.first(where: { Self.machine(of: $0) == root.machine }) else {
                throw HarnessError(
                    .harness, "\(by) needs \(name), which was not found", hint: "install the package that has it, and run ldconfig",
                    evidence: candidates.map { "searched \($0)" })
            }
            let library = try Self.read(found)
            libraries[name] = Self.real(found)
            queue += library.needed.map { ($0, found, library) }
        }
    }

    /// `$ORIGIN` is the folder of the file that names it; `$LIB` and `$PLATFORM` are Debian's.
    static func expand(_ path: String, origin: String) -> String {
        var path = path
        for (token, value) in [("ORIGIN", origin), ("LIB", "lib/x86_64-linux-gnu"), ("PLATFORM", "x86_64")] {
            path = path.replacing("${\(token)}", with: value).replacing("$\(token)", with: value)
        }
        return path
    }

    private static func read(_ path: String) throws -> ELFFile {
        do {
            return try ELFFile(Array(Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)))
        } catch let error as ELFFile.Malformed {
            throw HarnessError(.input, "\(path) cannot be put into the guest: \(error.reason)")
        } catch {
            throw HarnessError(.input, "cannot read \(path): \(error.localizedDescription)")
        }
    }

    /// The architecture of a file; nil where it is not an ELF file. ld.so skips files of another architecture.
    private static func machine(of path: String) -> UInt16? {
        guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? handle.close() }
        guard let head = try? handle.read(upToCount: 20).map(Array.init), head.count == 20, ELFFile.isELF(head), head[4] == 2 else {
            return nil
        }
        return UInt16(head[18]) | UInt16(head[19]) << 8
    }

    private static func real(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    /// The files of `ldconfig -p` (/etc/ld.so.cache) by name.
    static func systemLibraries() async -> [String: [String]] {
        for program in ["/sbin/ldconfig", "/usr/sbin/ldconfig", "ldconfig"] {
            if let text = try? await Command(program, ["-p"]).output() { return parse(ldconfig: text) }
        }
        return [:]
    }

    /// Lines as "\tlibc.so.6 (libc6,x86-64) => /lib/x86_64-linux-gnu/libc.so.6".
    static func parse(ldconfig text: String) -> [String: [String]] {
        var libraries: [String: [String]] = [:]
        for line in text.filledLines {
            guard let arrow = line.range(of: " => ") else { continue }
            let name = line[..<arrow.lowerBound].trimmingPrefix(while: \.isWhitespace).prefix { $0 != " " }
            libraries[String(name), default: []].append(String(line[arrow.upperBound...]))
        }
        return libraries
    }
}

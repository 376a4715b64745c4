// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// File operations that throw `HarnessError`.
enum Files {
    /// Runs `body`. An error other than `HarnessError` becomes one with the text "cannot WHAT: REASON".
    static func trying<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as HarnessError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            let text = reason(error)
            let code = (error as? CocoaError)?.code
            if code == .fileWriteOutOfSpace || isFull(text) { throw full(what) }
            throw HarnessError(.harness, "cannot \(what): \(text)", hint: "check the folder's permissions and its free space")
        }
    }

    /// The text of the errno; Cocoa's own text where the error has none.
    static func reason(_ error: any Error) -> String {
        guard let cause = (error as? CocoaError)?.underlying as? POSIXError else { return error.localizedDescription }
        return String(cString: strerror(cause.code.rawValue))
    }

    /// Whether a text has the error of a full disk or quota.
    static func isFull(_ text: String) -> Bool {
        text.holds("No space left on device") || text.holds("Disk quota exceeded")
    }

    static func full(_ what: String, evidence: [String] = []) -> HarnessError {
        HarnessError(
            .harness, "cannot \(what): the disk is full",
            hint: "free some space (a kernel takes about 2 GB of source and 0.5 GB of objects), or set XDG_CACHE_HOME to a larger disk",
            evidence: evidence, cause: .diskFull)
    }

    static func remove(_ path: String) throws {
        guard FileStatus(path) != nil else { return }
        try trying("remove \(path)") { try FileManager.default.removeItem(atPath: path) }
    }

    static func rename(_ path: String, to target: String) throws {
        try trying("move \(path) to \(target)") { try FileManager.default.moveItem(atPath: path, toPath: target) }
    }

    static func copy(_ path: String, to target: String) throws {
        try trying("copy \(path) to \(target)") { try FileManager.default.copyItem(atPath: path, toPath: target) }
    }

    static func makeFolder(_ path: String) throws {
        try trying("make the folder \(path)") {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
    }

    /// Writes a whole file or none of it.
    static func write(_ data: Data, to path: String) throws {
        try trying("write \(path)") { try data.write(to: URL(fileURLWithPath: path), options: .atomic) }
    }

    static func write(_ text: String, to path: String) throws { try write(Data(text.utf8), to: path) }

    /// Writes a value as `StableJSON.document`.
    static func write(json value: some Encodable, to path: String) throws {
        try write(try trying("encode \(path)") { try StableJSON.document(value) }, to: path)
    }

    static func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A file's text from a byte on; empty where it cannot be read.
    static func text(_ path: String, from offset: Int64) -> String {
        String(decoding: (FileManager.default.contents(atPath: path) ?? Data()).dropFirst(Int(offset)), as: UTF8.self)
    }

    /// Writes a list of paths, which may have any character but NUL.
    static func write(paths: some Sequence<String>, to file: String) throws { try write(paths.map { $0 + "\0" }.joined(), to: file) }

    /// The paths that `write(paths:to:)` wrote, or an earlier version as lines; nil where there is no file.
    static func paths(_ file: String) -> [String]? {
        guard let data = FileManager.default.contents(atPath: file) else { return nil }
        let bytes = [UInt8](data)
        return bytes.split(separator: bytes.contains(0) ? 0 : UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    static func isFolder(_ path: String) -> Bool {
        var folder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &folder) && folder.boolValue
    }

    static func isFile(_ path: String) -> Bool {
        var folder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &folder) && !folder.boolValue
    }

    /// - Throws: `HarnessError` where a file that a build made is not a file, or is reached through a symbolic link: a hostile build could otherwise
    ///   have any file read or overwritten by the harness.
    static func requireOwn(_ name: String, in folder: String) throws {
        var path = folder
        let parts = name.split(separator: "/")
        for (index, part) in parts.enumerated() {
            path += "/" + part
            let kind = FileStatus(path)?.kind
            if kind == (index == parts.count - 1 ? .file : .folder) || kind == nil { continue }
            throw HarnessError(
                .harness, "the build made \(path) \(kind == .link ? "a symbolic link" : "neither a file nor a folder of its own"): it is not used",
                hint: "read the source's Makefiles: no kernel's build does that", blame: .kernel)
        }
    }

    static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    enum Kind {
        case folder
        case link(String)
        case file(mode: UInt32)
        case other
    }

    /// What is at a path; a symbolic link is not followed.
    static func kind(_ path: String) -> Kind {
        var status = stat()
        guard lstat(path, &status) == 0 else { return .other }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return .folder
        case S_IFREG: return .file(mode: status.st_mode & 0o7777)
        case S_IFLNK: return (try? FileManager.default.destinationOfSymbolicLink(atPath: path)).map(Kind.link) ?? .other
        default: return .other
        }
    }

    /// In the names of the unfinished files of this process. `Leftovers` removes those of processes that have ended.
    static let processTag = String(UUID().uuidString.prefix(8))

    /// A new name in the same folder, for a file or folder that is not finished yet.
    static func temporary(for path: String) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return (parts.dropLast() + [".\(parts.last ?? "").tmp-\(processTag)-\(UUID().uuidString.prefix(4))"]).joined(separator: "/")
    }

    /// Removes the files and folders of `temporary(for: path)` that killed runs left. The caller holds the lock of `path`.
    static func removeTemporaries(of path: String) throws {
        let url = URL(fileURLWithPath: path)
        let parent = url.deletingLastPathComponent().path
        for name in names(in: parent) where name.hasPrefix(".\(url.lastPathComponent).tmp-") { try remove(parent + "/" + name) }
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import Synchronization

/// A configuration fragment that the caller names: a file, a pipe, or "-" for standard input.
struct FragmentFile: Sendable {
    /// The name of standard input.
    static let standardInput = "-"

    private let path: String

    init(_ path: String) { self.path = path }

    /// The name in errors.
    private var name: String { path == Self.standardInput ? "standard input" : path }

    /// What was read from standard input and from pipes: a second read has nothing, and a request is read several times.
    private static let read = Mutex<[String: Data]>([:])

    /// - Throws: `HarnessError` of kind `.input`.
    func options() throws -> [ConfigOption] {
        let bytes = try bytes()
        guard path != Self.standardInput || !bytes.isEmpty else {
            throw HarnessError(.input, "--config - reads standard input, which is empty", hint: "pipe CONFIG_NAME=value lines into it")
        }
        return try ConfigFragment.parse(ConfigFragment.lines(bytes, origin: name), origin: name, byUser: true)
    }

    /// The content. The first call reads a pipe to its end.
    func bytes() throws -> Data {
        if isPlain {
            guard let data = FileManager.default.contents(atPath: path) else { throw unreadable }
            return data
        }
        return try Self.read.withLock { read in
            if let data = read[path] { return data }
            guard let data = try? handle()?.readToEnd() ?? Data() else { throw unreadable }
            read[path] = data
            return data
        }
    }

    var isPlain: Bool {
        guard path != Self.standardInput else { return false }
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        return FileStatus(target)?.kind == .file
    }

    private func handle() throws -> FileHandle? {
        if path == Self.standardInput { return FileHandle.standardInput }
        guard !Files.isFolder(path), let handle = FileHandle(forReadingAtPath: path) else { throw unreadable }
        return handle
    }

    private var unreadable: HarnessError {
        HarnessError(
            .input, "cannot read the configuration fragment \(name)",
            hint: "--config takes a file of CONFIG_NAME=value lines, or - for standard input")
    }
}

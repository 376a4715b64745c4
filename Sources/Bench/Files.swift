// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness

/// The few file operations of the benchmark.
enum Files {
    static func text(_ path: String) -> String? { FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } }

    static func names(in folder: String) -> [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    static func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw HarnessError(.harness, "cannot make the folder \(path): \(error.localizedDescription)")
        }
    }

    static func write(_ data: Data, to path: String) throws {
        do {
            try data.write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw HarnessError(.harness, "cannot write \(path): \(error.localizedDescription)")
        }
    }

    /// A copy with its times, sharing blocks where the file system can.
    static func copy(_ source: String, to target: String) async throws {
        try await Command("cp", ["-a", "--reflink=auto", "--", source, target]).output()
    }
}

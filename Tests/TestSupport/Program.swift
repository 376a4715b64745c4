// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A program that has ended.
public struct ProgramResult: Sendable {
    /// The exit code; 128 and the signal's number where a signal ended it.
    public var code: Int32
    /// Standard output.
    public var output: String
    /// Standard error.
    public var errors: String
}

/// Runs a program to its end.
///
/// - Parameters:
///   - words: the program, found in `PATH`, and its arguments.
///   - environment: added to the test's.
///   - directory: its current directory; nil for the test's.
/// - Throws: where the program cannot be started.
public func runProgram(_ words: [String], environment: [String: String] = [:], directory: String? = nil) async throws -> ProgramResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
    process.standardInput = FileHandle.nullDevice
    // Files: two pipes would have to be read at the same time.
    let folder = try TemporaryFolder()
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("output", "")))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("errors", "")))
    try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
        process.terminationHandler = { _ in ended.resume() }
        do {
            try process.run()
        } catch {
            process.terminationHandler = nil
            ended.resume(throwing: error)
        }
    }
    let status = process.terminationStatus
    return ProgramResult(
        code: process.terminationReason == .uncaughtSignal ? 128 + status : status, output: folder.text("output") ?? "",
        errors: folder.text("errors") ?? "")
}

// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Foundation
import Harness

/// Turns errors into messages on standard error and exit codes.
enum Failure {
    /// Runs work that starts no process and writes no file, so that a signal may end it at any time.
    static func reporting(plain body: () throws -> Int32) throws {
        do {
            throw ExitCode(try body())
        } catch let error as HarnessError {
            Console.error("ppiov: \(error)")
            throw ExitCode(error.kind.rawValue)
        }
    }

    /// Runs a command's work: `HarnessError` becomes its message on standard error and its exit code.
    static func reporting(_ body: @escaping @Sendable () async throws -> Int32) async throws {
        _ = Console.start
        Leftovers.sweep(Cache())
        defer { Leftovers.end(Cache()) }
        let code: Int32
        do {
            code = try await Interruption.guarding(report: { Console.error("ppiov: \($0)") }, body)
        } catch let error as HarnessError {
            Console.error("ppiov: \(error)")
            throw ExitCode(error.kind.rawValue)
        } catch {
            Console.error("ppiov: \(error)")
            throw ExitCode(HarnessError.Kind.harness.rawValue)
        }
        throw ExitCode(code)
    }

    /// Also reports the errors of making the request from the command's options.
    static func reporting<Request: Sendable>(
        _ request: () throws -> Request, _ body: @escaping @Sendable (Request) async throws -> Int32
    ) async throws {
        let request = Result { try request() }
        try await reporting { try await body(try request.get()) }
    }
}

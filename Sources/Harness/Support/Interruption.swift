// SPDX-License-Identifier: GPL-2.0

import Dispatch
import Foundation
import Synchronization

/// Ends the work on SIGINT, SIGTERM or SIGHUP: its task is cancelled, and all processes that it started end with it.
public enum Interruption {
    /// The first signal that was received.
    private static let received = Mutex<Int32?>(nil)

    /// Whether one of the signals was received.
    public static var isReceived: Bool { received.withLock { $0 != nil } }

    /// Runs `body`; a signal cancels it. A SIGHUP that is ignored already, as below nohup(1), stays ignored.
    ///
    /// - Parameter report: called with one line for each signal, before anything is ended; it does not wait for a reader once `isReceived`.
    /// - Throws: what `body` throws; `HarnessError` (interrupted) where a signal was received.
    public static func guarding<Value: Sendable>(
        report: @escaping @Sendable (String) -> Void, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        received.withLock { $0 = nil }
        let pipe = try SignalPipe()
        let work = Task { try await body() }
        let source = DispatchSource.makeReadSource(fileDescriptor: pipe.readingEnd, queue: .global())
        source.setEventHandler {
            for number in pipe.signals() {
                let again = received.withLock { before in
                    guard before == nil else { return true }
                    before = number
                    return false
                }
                report(again ? "still ending what was started" : "signal \(number), ending what was started")
                work.cancel()
            }
        }
        source.resume()
        pipe.connect()
        defer {
            // Nothing is left to end: a signal may end the process.
            pipe.disconnect()
            source.cancel()
        }
        do {
            return try await work.value
        } catch {
            guard let number = received.withLock({ $0 }) else { throw error }
            throw HarnessError(.interrupted, "interrupted by signal \(number)")
        }
    }
}

/// Signals as bytes in a pipe, which the handler of a signal may write to. No signal is lost, from the first moment on.
private final class SignalPipe: Sendable {
    let readingEnd: Int32
    private let writingEnd: Int32
    private let numbers: [Int32]

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw HarnessError(.harness, "cannot make a pipe: \(String(cString: strerror(errno)))") }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (readingEnd, writingEnd) = (ends[0], ends[1])
        numbers = [SIGINT, SIGTERM] + (Self.isIgnored(SIGHUP) ? [] : [SIGHUP])
    }

    deinit {
        close(readingEnd)
        close(writingEnd)
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    func connect() {
        SignalTarget.writingEnd = writingEnd
        for number in numbers {
            signal(number) { number in
                let code = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(SignalTarget.writingEnd, &byte, 1)
                errno = code
            }
        }
    }

    func disconnect() {
        for number in numbers { signal(number, SIG_DFL) }
    }

    /// The signals since the last call.
    func signals() -> [Int32] {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(readingEnd, &bytes, bytes.count)
        return count > 0 ? bytes[..<count].map { Int32($0) } : []
    }
}

private enum SignalTarget {
    /// Read by the handler of a signal; the pipe stays open while a handler is installed.
    nonisolated(unsafe) static var writingEnd: Int32 = -1
}

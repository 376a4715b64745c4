// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Scenarios

/// Receives from a thread of its own and compares every byte with the pattern, so that the peer can perform other commands meanwhile.
final class BackgroundReceiver {
    private let bytes: UInt64
    private let thread: WorkerThread<(received: UInt64, mismatch: UInt64?, errno: Int32)>

    /// - Parameter bytes: how many to wait for; 0 receives until the stream ends or is reset.
    init(_ descriptor: Int32, _ pattern: PayloadPattern, bytes: UInt64) throws {
        self.bytes = bytes
        thread = try Self.startThread(descriptor, pattern, bytes: bytes)
    }

    /// Waits for the end.
    ///
    /// - Returns: the bytes received, and the stream offset of the first that is not the one sent.
    func join() throws -> (bytes: UInt64, mismatch: UInt64?) {
        let (received, mismatch, errno) = try thread.join()
        guard errno == 0 else { throw KernelError("receiving, \(received) of \(bytes) bytes received", code: errno) }
        return (received, mismatch)
    }

    /// Waits for the end, also where the receiving failed.
    func finish() { thread.wait() }

    private static func startThread(
        _ descriptor: Int32, _ pattern: PayloadPattern, bytes: UInt64
    ) throws -> WorkerThread<(received: UInt64, mismatch: UInt64?, errno: Int32)> {
        try WorkerThread("receiver") { _ in receive(descriptor, pattern, bytes: bytes) }
    }

    private static func receive(
        _ descriptor: Int32, _ pattern: PayloadPattern, bytes: UInt64
    ) -> (received: UInt64, mismatch: UInt64?, errno: Int32) {
        var received: UInt64 = 0
        var mismatch: UInt64?
        var chunk = [UInt8](repeating: 0, count: 65536)
        while bytes == 0 || received < bytes {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN {
                    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                    _ = poll(&entry, 1, -1)
                    continue
                }
                // A stream without an agreed length may end by a reset.
                return (received, mismatch, bytes == 0 && errno == ECONNRESET ? 0 : errno)
            }
            if count == 0 { break }
            let wrong = chunk.withUnsafeBytes { pattern.mismatch(UnsafeRawBufferPointer(rebasing: $0[..<count]), at: received) }
            mismatch = mismatch ?? wrong
            received += UInt64(count)
        }
        return (received, mismatch, 0)
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Scenarios

/// Sends the pattern from a thread of its own, so that the peer can perform other commands meanwhile.
final class BackgroundSender {
    let descriptor: Int32
    let pattern: PayloadPattern
    /// Offset in the stream of the first byte sent.
    let start: UInt64
    private let bytes: UInt64
    private let thread: WorkerThread<(sent: UInt64, errno: Int32)>

    /// - Parameters:
    ///   - bytes: how many; 0 for no end.
    ///   - start: the offset of the first in the stream.
    ///   - sizes: of the writes, over and over.
    init(_ descriptor: Int32, _ pattern: PayloadPattern, bytes: UInt64, from start: UInt64 = 0, sizes: [Int] = [16384]) throws {
        self.descriptor = descriptor
        self.pattern = pattern
        self.bytes = bytes
        self.start = start
        thread = try Self.startThread(descriptor, pattern, bytes: bytes, from: start, sizes: sizes)
    }

    /// Waits for the end.
    ///
    /// - Returns: the bytes that the socket took.
    func join() throws -> UInt64 {
        let (sent, errno) = try thread.join()
        guard errno == 0 else { throw KernelError("sending, \(sent) of \(bytes) bytes sent", code: errno) }
        return sent
    }

    /// Waits for the end, also where the sending failed.
    func finish() { thread.wait() }

    /// Ends the sending where it is, at the latest when the socket has been full for 20 ms.
    func stop() {
        thread.requestStop()
        thread.wait()
    }

    private static func startThread(
        _ descriptor: Int32, _ pattern: PayloadPattern, bytes: UInt64, from start: UInt64, sizes: [Int]
    ) throws -> WorkerThread<(sent: UInt64, errno: Int32)> {
        try WorkerThread("sender") { stop in send(descriptor, pattern, bytes: bytes, from: start, sizes: sizes, until: stop) }
    }

    private static func send(
        _ descriptor: Int32, _ pattern: PayloadPattern, bytes: UInt64, from start: UInt64, sizes: [Int], until stop: StopRequest
    ) -> (sent: UInt64, errno: Int32) {
        var sent: UInt64 = 0
        var chunk = [UInt8](repeating: 0, count: sizes.max() ?? 16384)
        var turn = 0
        var left = 0
        while !stop.isRequested, bytes == 0 || sent < bytes {
            if left == 0 {
                left = sizes.isEmpty ? chunk.count : sizes[turn % sizes.count]
                turn += 1
            }
            let length = bytes == 0 ? left : min(left, Int(bytes - sent))
            let first = start + sent
            let count = chunk.withUnsafeMutableBytes { buffer -> Int in
                pattern.fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<length]), from: first)
                return Glibc.send(descriptor, buffer.baseAddress, length, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                sent += UInt64(count)
                left -= count
            } else if errno == EAGAIN {
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&entry, 1, 20)
            } else if errno != EINTR {
                return (sent, errno)
            }
        }
        return (sent, 0)
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Scenarios
import SystemPackage

/// Receives from a thread of its own and compares every byte with the pattern, so that the peer goes on taking commands.
final class BackgroundReceiver: @unchecked Sendable {
    private let descriptor: Int32
    private let pattern: PayloadPattern
    private let bytes: UInt64
    private var thread = pthread_t()
    // Written by the thread, read after it was joined.
    private var received: UInt64 = 0
    private var mismatch: UInt64?
    private var failure: Int32 = 0
    private var joined = false

    /// - Parameter bytes: how many to wait for; 0 receives until the stream ends or is reset.
    init(_ descriptor: Int32, _ pattern: PayloadPattern, bytes: UInt64) throws {
        self.descriptor = descriptor
        self.pattern = pattern
        self.bytes = bytes
        let context = Unmanaged.passRetained(self).toOpaque()
        let error = pthread_create(
            &thread, nil,
            { raw in
                if let raw { Unmanaged<BackgroundReceiver>.fromOpaque(raw).takeRetainedValue().loop() }
                return nil
            }, context)
        guard error == 0 else {
            Unmanaged<BackgroundReceiver>.fromOpaque(context).release()
            throw KernelError("starting the receiver", errno: Errno(rawValue: error))
        }
    }

    /// Waits for the end: "BYTES", and behind a space the offset of the first byte that is not the one sent.
    func join() throws -> String {
        finish()
        guard failure == 0 else { throw KernelError("receiving, \(received) of \(bytes) bytes there", errno: Errno(rawValue: failure)) }
        return "\(received)" + (mismatch.map { " \($0)" } ?? "")
    }

    /// Waits for the end, however it came.
    func finish() {
        guard !joined else { return }
        pthread_join(thread, nil)
        joined = true
    }

    private func loop() {
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
                if !(bytes == 0 && errno == ECONNRESET) { failure = errno }
                return
            }
            if count == 0 { return }
            let wrong = chunk.withUnsafeBytes { pattern.mismatch(UnsafeRawBufferPointer(rebasing: $0[..<count]), at: received) }
            mismatch = mismatch ?? wrong
            received += UInt64(count)
        }
    }
}

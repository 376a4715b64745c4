// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Harness
import Synchronization

/// Standard output or standard error: every byte is written, or it is known that not all were.
final class StandardStream: Sendable {
    static let output = StandardStream(STDOUT_FILENO)
    static let error = StandardStream(STDERR_FILENO)

    private struct State {
        /// The errno of the first write that failed. Nothing is written after it: a document with a hole in it is worse than half of one.
        var failure: Int32?
        /// The results folder that has the same.
        var kept: String?
    }

    private let descriptor: Int32
    /// Held while a text is written, so that the lines of two threads do not mix.
    private let state = Mutex(State())

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// The errno of the first write that failed; nil where all was written.
    var failure: Int32? { state.withLock { $0.failure } }

    /// The results folder that has what this stream gets.
    var kept: String? { state.withLock { $0.kept } }

    func note(kept folder: String) { state.withLock { $0.kept = folder } }

    func write(_ text: String) {
        guard !text.isEmpty else { return }
        state.withLock { state in
            guard state.failure == nil else { return }
            state.failure = Self.write(Array(text.utf8), to: descriptor)
        }
    }

    /// Closes it: a file system may report only then that it could not store what was written.
    func close() {
        state.withLock { state in
            guard Glibc.close(descriptor) != 0, errno != EINTR else { return }
            state.failure = state.failure ?? errno
        }
    }

    /// Bytes that a pipe takes without blocking where poll(2) reports that it can be written to.
    private static let pipeBuffer = 4096

    /// - Returns: the errno of the write that failed; nil where all was written.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        var rest = bytes[...]
        while !rest.isEmpty {
            // A reader that does not read must not keep an interrupted command from its end.
            var writable = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let ready = poll(&writable, 1, 100)
            if ready == 0 || (ready < 0 && errno == EINTR) {
                if ready == 0, Interruption.isReceived { return EINTR }
                continue
            }
            let count = rest.prefix(pipeBuffer).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return count == 0 ? EIO : errno }
            rest = rest.dropFirst(count)
        }
        return nil
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc

/// An exclusive flock(2). The kernel releases it when its process ends.
final class FileLock: Sendable {
    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Releases the lock. The last reference does so too; this call keeps one until here.
    func release() { flock(descriptor, LOCK_UN) }

    /// The lock; nil where another task or process holds it.
    ///
    /// - Throws: `HarnessError` where the file cannot be opened or locked.
    static func acquireIfFree(_ path: String) throws -> FileLock? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw HarnessError(
                .harness, "cannot open the lock \(path): \(String(cString: strerror(errno)))",
                hint: "set XDG_CACHE_HOME to a folder that you may write to")
        }
        let lock = FileLock(descriptor)
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return lock }
        guard errno == EWOULDBLOCK || errno == EINTR else {
            throw HarnessError(
                .harness, "cannot lock \(path): \(String(cString: strerror(errno)))", hint: "set XDG_CACHE_HOME to a local file system")
        }
        return nil
    }

    /// Waits for the lock.
    ///
    /// - Throws: `HarnessError` where the file cannot be locked; `CancellationError`, and the lock is then released as soon as it is acquired.
    static func acquire(_ path: String) async throws -> FileLock {
        let promise = Promise<FileLock>()
        // A thread of its own: flock(2) blocks for as long as another process holds the lock, a boot for instance.
        Thread.detachNewThread {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else {
                promise.settle(.failure(HarnessError(.harness, "cannot open the lock \(path): \(String(cString: strerror(errno)))")))
                return
            }
            let lock = FileLock(descriptor)
            while flock(descriptor, LOCK_EX) != 0 {
                guard errno == EINTR else {
                    promise.settle(.failure(HarnessError(.harness, "cannot lock \(path): \(String(cString: strerror(errno)))")))
                    return
                }
            }
            promise.settle(.success(lock))
        }
        return try await promise.value()
    }
}

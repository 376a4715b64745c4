// SPDX-License-Identifier: GPL-2.0

extension Cache {
    /// Runs `body` as the only holder of the lock `name`, among all tasks and processes that share this cache.
    ///
    /// The lock is flock(2) on a file below `locks/`: the kernel releases it when its process ends, so a killed run leaves nothing locked.
    ///
    /// - Parameter waiting: called once where another task or process holds the lock.
    /// - Throws: `HarnessError` where the lock file cannot be opened; `CancellationError`; what `body` throws.
    public func locked<Value>(_ name: String, waiting: () -> Void = {}, body: () async throws -> Value) async throws -> Value {
        let path = try folder("locks") + "/" + name
        let lock: FileLock
        if let free = try FileLock.acquireIfFree(path) {
            lock = free
        } else {
            waiting()
            lock = try await FileLock.acquire(path)
        }
        defer { lock.release() }
        try Task.checkCancellation()
        return try await body()
    }
}

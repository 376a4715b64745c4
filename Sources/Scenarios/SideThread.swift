// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import SystemPackage

/// A thread beside the scenario's own, for what two do at once. It does one thing and ends.
final class SideThread: @unchecked Sendable {
    private let body: @Sendable () throws -> Void
    private var thread = pthread_t()
    private var joined = false
    // Written by the thread, read after it was joined.
    private var failure: (any Error)?

    init(_ body: @escaping @Sendable () throws -> Void) throws {
        self.body = body
        let context = Unmanaged.passRetained(self).toOpaque()
        let error = pthread_create(
            &thread, nil,
            { raw in
                if let raw { Unmanaged<SideThread>.fromOpaque(raw).takeRetainedValue().run() }
                return nil
            }, context)
        guard error == 0 else {
            Unmanaged<SideThread>.fromOpaque(context).release()
            throw KernelError("starting a thread", errno: Errno(rawValue: error))
        }
    }

    private func run() {
        do {
            try body()
        } catch {
            failure = error
        }
    }

    /// Waits for its end, and throws what it has thrown. Once; then it does nothing.
    func join() throws {
        guard !joined else { return }
        pthread_join(thread, nil)
        joined = true
        if let failure { throw failure }
    }
}

// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// A ring for registrations that are refused; it stays open.
final class RefusedRing {
    private var ring: ZeroCopyReceive.Ring?

    init() throws { ring = try ZeroCopyReceive.Ring() }

    /// Tries to register.
    ///
    /// - Returns: the refusal; nil where the registration was granted, and then the ring is closed.
    func register(_ registration: ZeroCopyReceive.Registration) -> KernelError? {
        guard let ring = ring.take() else { return nil }
        do throws(KernelError) {
            let queue = try ring.register(registration)
            queue.close()
            ring.close()
            return nil
        } catch {
            self.ring = consume ring
            return error
        }
    }

    func close() { ring.take()?.close() }

    deinit { close() }
}

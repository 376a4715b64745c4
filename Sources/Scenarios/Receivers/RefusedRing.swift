// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// A ring of which a registration is refused, and which stays.
final class RefusedRing {
    private var ring: ZeroCopyReceive.Ring?

    init() throws { ring = try ZeroCopyReceive.Ring() }

    /// The refusal; nil where it was granted, and the ring is closed then.
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

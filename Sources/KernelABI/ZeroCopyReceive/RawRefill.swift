// SPDX-License-Identifier: GPL-2.0

internal import CShim

extension ZeroCopyReceive.InterfaceQueue {
    /// The refill ring's head as it stands in the shared memory. The kernel's to write; a user who means ill writes it too.
    public var rawHead: UInt32 {
        get { withUnsafePointer(to: refill) { ppiov_refill_head($0) } }
        nonmutating set { withUnsafePointer(to: refill) { ppiov_refill_set_head($0, newValue) } }
    }

    /// The refill ring's tail as the kernel reads it. Setting it leaves this value's own tail alone; see ``resume()``.
    public var rawTail: UInt32 {
        get { withUnsafePointer(to: refill) { ppiov_refill_tail($0) } }
        nonmutating set { withUnsafePointer(to: refill) { ppiov_refill_set_tail($0, newValue) } }
    }

    /// Writes an entry into a slot of the refill ring, whoever owns it.
    public borrowing func overwriteEntry(_ slot: UInt32, offset: UInt64, length: UInt32, padding: UInt32) {
        withUnsafePointer(to: refill) { ppiov_refill_set_entry($0, slot, offset, length, padding) }
    }

    /// Goes on where the tail in the shared memory stands.
    public mutating func resume() { ppiov_refill_resume(&refill) }

    /// The producing end, to be used in place of this value's own, from whatever thread; then ``resume()``.
    public borrowing func producer() -> ZeroCopyReceive.RefillProducer { ZeroCopyReceive.RefillProducer(refill) }
}

extension ZeroCopyReceive {
    /// The producing end of a refill ring, for a thread of its own. Not to be used once the queue is closed.
    public struct RefillProducer: @unchecked Sendable {
        private var refill: ppiov_refill

        init(_ refill: ppiov_refill) { self.refill = refill }

        /// Puts an entry into the refill ring; false where it is full.
        public mutating func put(offset: UInt64, length: UInt32, padding: UInt32) -> Bool {
            ppiov_refill_push(&refill, offset, length, padding) == 1
        }
    }
}

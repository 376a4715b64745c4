// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// Invalid content for a refill ring: indices and entries that the interface forbids.
extension ZeroCopyReceive.InterfaceQueue {
    /// The refill ring's head in the shared memory, which the kernel writes. A hostile user overwrites it.
    public var rawHead: UInt32 {
        get { withUnsafePointer(to: refill) { ppiov_refill_head($0) } }
        nonmutating set { withUnsafePointer(to: refill) { ppiov_refill_set_head($0, newValue) } }
    }

    /// The refill ring's tail in the shared memory, which the kernel reads. Setting it does not change this value's own tail; see ``resume()``.
    public var rawTail: UInt32 {
        get { withUnsafePointer(to: refill) { ppiov_refill_tail($0) } }
        nonmutating set { withUnsafePointer(to: refill) { ppiov_refill_set_tail($0, newValue) } }
    }

    /// Writes an entry to any slot of the refill ring, between head and tail or not.
    public borrowing func overwriteEntry(_ slot: UInt32, offset: UInt64, length: UInt32, padding: UInt32) {
        withUnsafePointer(to: refill) { ppiov_refill_set_entry($0, slot, offset, length, padding) }
    }

    /// Appends an entry with any content to the refill ring; false where it is full.
    @discardableResult
    public mutating func putRawEntry(offset: UInt64, length: UInt32, padding: UInt32) -> Bool {
        ppiov_refill_push(&refill, offset, length, padding) == 1
    }

    /// Continues at the tail in the shared memory.
    public mutating func resume() { ppiov_refill_resume(&refill) }

    /// The producer side, to be used in place of this value's own, from any one thread; then ``resume()``.
    public borrowing func producer() -> ZeroCopyReceive.RefillProducer { ZeroCopyReceive.RefillProducer(refill) }
}

extension ZeroCopyReceive {
    /// The producer side of a refill ring, for use by another thread. It points to the queue's region: not to be used once the queue is closed.
    public struct RefillProducer: @unchecked Sendable {
        private var refill: ppiov_refill

        init(_ refill: ppiov_refill) { self.refill = refill }

        /// Appends an entry to the refill ring; false where it is full.
        public mutating func put(offset: UInt64, length: UInt32, padding: UInt32) -> Bool {
            ppiov_refill_push(&refill, offset, length, padding) == 1
        }
    }
}

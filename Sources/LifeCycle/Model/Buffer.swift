// SPDX-License-Identifier: GPL-2.0

/// Where a buffer is that has no reference.
enum Place: UInt32 {
    /// Not in a pool: referenced, or with its provider.
    case out
    /// `pool->alloc.cache`
    case cache
    /// `pool->ring`
    case ring
    /// Its last reference was dropped, and the put has not reached the pool's cache or ring yet (`page_pool_put_unrefed_netmem()`).
    case transit
}

/// One buffer in 20 bits.
struct Buffer: Equatable {
    static let bits: UInt64 = 20
    static let mask: UInt64 = (1 << bits) - 1

    var word: UInt32

    /// With its provider: once on the free list, `count` 0.
    static let onFreeList = Buffer(word: 1 << 5 | 4 << 16)

    /// The pool that it points to (`niov->desc.pp`), from 1; 0 for none.
    var owner: Int {
        get { Int(word & 3) }
        set { word = word & ~3 | UInt32(truncatingIfNeeded: newValue) & 3 }
    }
    var place: Place {
        get {
            switch word >> 2 & 3 {
            case 0: .out
            case 1: .cache
            case 2: .ring
            default: .transit
            }
        }
        set { word = word & ~(3 << 2) | newValue.rawValue << 2 }
    }
    /// `io_zcrx_recv_frag()` has taken the pool's reference and not yet the user's.
    var delivering: Bool {
        get { word >> 4 & 1 != 0 }
        set { word = word & ~(1 << 4) | (newValue ? 1 << 4 : 0) }
    }
    /// How many times it is on its provider's free list.
    var free: Int {
        get { Int(word >> 5 & 3) }
        set { word = word & ~(3 << 5) | UInt32(truncatingIfNeeded: min(newValue, 3)) << 5 }
    }
    /// References of driver and stack; 0...3.
    var stack: Int {
        get { Int(word >> 7 & 3) }
        set { word = word & ~(3 << 7) | (UInt32(truncatingIfNeeded: newValue) & 3) << 7 }
    }
    /// References of user space: tokens, or the user's counter (`area->user_refs`).
    var user: Int {
        get { Int(word >> 9 & 3) }
        set { word = word & ~(3 << 9) | (UInt32(truncatingIfNeeded: newValue) & 3) << 9 }
    }
    /// Entries of the refill ring for it.
    var posted: Int {
        get { Int(word >> 11 & 3) }
        set { word = word & ~(3 << 11) | (UInt32(truncatingIfNeeded: newValue) & 3) << 11 }
    }
    /// Puts in progress: the count was read, the reference is not dropped yet.
    var dropping: Int {
        get { Int(word >> 13 & 7) }
        set { word = word & ~(7 << 13) | (UInt32(truncatingIfNeeded: newValue) & 7) << 13 }
    }
    /// The kernel's count: `pp_ref_count`, or page_pool_iov's `refcount`. Clamped to -4...11.
    var count: Int {
        get { Int(word >> 16 & 15) - 4 }
        set { word = word & ~(15 << 16) | (UInt32(truncatingIfNeeded: max(0, min(newValue + 4, 15)))) << 16 }
    }

    /// The stack, the user, a delivery or a put in progress has a reference.
    var isReferenced: Bool { word & (3 << 7 | 3 << 9 | 7 << 13 | 1 << 4) != 0 }
}

// SPDX-License-Identifier: GPL-2.0

enum PoolState: UInt64 {
    case absent, live
    /// `page_pool_destroy()` was called; `page_pool_release_retry()` checks from time to time.
    case destroying
    case freed
}

/// One pool in 10 bits.
struct Pool: Equatable {
    static let bits: UInt64 = 10
    static let mask: UInt64 = (1 << bits) - 1

    var word: UInt64

    /// A new pool: `page_pool_create()`, `mp_ops->init()`.
    static let fresh = Pool(word: PoolState.live.rawValue | 4 << 2)

    var state: PoolState {
        get {
            switch word & 3 {
            case 0: .absent
            case 1: .live
            case 2: .destroying
            default: .freed
            }
        }
        set { word = word & ~3 | newValue.rawValue }
    }
    /// hold - release by the kernel's counters. Clamped to -4...11.
    var inflight: Int {
        get { Int(word >> 2 & 15) - 4 }
        set { word = word & ~(15 << 2) | UInt64(max(0, min(newValue + 4, 15))) << 2 }
    }
    /// Buffers that were returned to the provider and are not counted as released yet.
    var pending: Int {
        get { Int(word >> 6 & 3) }
        set { word = word & ~(3 << 6) | (UInt64(truncatingIfNeeded: newValue) & 3) << 6 }
    }
    /// A CPU holds the producer lock in `page_pool_recycle_in_ring()`.
    var producing: Bool {
        get { word >> 8 & 1 != 0 }
        set { word = word & ~(1 << 8) | (newValue ? 1 << 8 : 0) }
    }
    /// It has no reference on its provider, because of a fault.
    var unreferenced: Bool {
        get { word >> 9 & 1 != 0 }
        set { word = word & ~(1 << 9) | (newValue ? 1 << 9 : 0) }
    }

    /// Made and not freed.
    var exists: Bool { state == .live || state == .destroying }
}

// SPDX-License-Identifier: GPL-2.0

/// What must hold in every state. The numbers are those of docs/model.md.
public enum Invariant: String, CaseIterable, Sendable, Comparable {
    /// hold - release is the number of outstanding buffers, never negative (`page_pool_inflight()`).
    case inflightIsExact = "I1"
    /// A hold is followed by exactly one release before the same buffer is held again, by any pool.
    case holdThenRelease = "I2"
    /// A pool is freed only when nothing is in flight, and is not used afterwards (`page_pool_release()`).
    case poolOutlivesBuffers = "I3"
    /// A provider is freed after its last pool, with every buffer released (`__net_devmem_dmabuf_binding_free()`,
    /// `io_zcrx_ifq_free()`).
    case providerOutlivesPools = "I4"
    /// A referenced buffer is on no free list and in no cache, and no second user gets it.
    case referencedIsNotFree = "I5"
    /// After uninstall nothing is mapped for the device (`io_pp_uninstall()`, `io_close_queue()`). devmem's dma-buf stays
    /// mapped until the binding is freed; see `Configuration.strict`.
    case unmappedAfterUninstall = "I6"
    /// When all users are gone, every hold is released: buffers are free, pools and provider are freed.
    case allReleased = "I7"

    public static func < (a: Invariant, b: Invariant) -> Bool { a.rawValue < b.rawValue }

    /// The invariant in one line, for reports.
    public var statement: String {
        switch self {
        case .inflightIsExact: "hold - release is the number of outstanding buffers, never negative"
        case .holdThenRelease: "a held buffer is released once before it is held again, by any pool"
        case .poolOutlivesBuffers: "a pool is freed only when no buffer points to it"
        case .providerOutlivesPools: "a provider is freed after its last pool, with every buffer released"
        case .referencedIsNotFree: "a referenced buffer is on no free list, in no cache, and has no second owner"
        case .unmappedAfterUninstall: "after uninstall nothing is mapped for the device"
        case .allReleased: "when all users are gone, every hold is released"
        }
    }

    /// After the break the kernel uses freed memory or a buffer with two owners, so the states that follow are not explored.
    var isFatal: Bool {
        switch self {
        case .inflightIsExact, .unmappedAfterUninstall, .allReleased: false
        case .holdThenRelease, .poolOutlivesBuffers, .providerOutlivesPools, .referencedIsNotFree: true
        }
    }
}

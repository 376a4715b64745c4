// SPDX-License-Identifier: GPL-2.0

/// A defect put into the model on purpose, to prove that an invariant finds it. Each names the kernel function that would have it.
///
/// The raw value is the argument of `ppiov model --fault`.
public enum Fault: String, CaseIterable, Sendable {
    /// `page_pool_return_netmem()` returns the buffer and does not count.
    case releaseNotCounted = "release-not-counted"
    /// `page_pool_return_netmem()` counts twice.
    case releaseCountedTwice = "release-counted-twice"
    /// `page_pool_return_netmem()` counts first and returns the buffer afterwards.
    case releaseCountedFirst = "release-counted-first"
    /// The provider's release does not put the buffer on its free list (`io_zcrx_return_niov_freelist()`, `net_devmem_free_dmabuf()`).
    case releaseOmitsFreeList = "release-omits-free-list"
    /// The provider's release puts the buffer on the free list twice.
    case releaseFreesTwice = "release-frees-twice"
    /// The provider's release does not clear `niov->desc.pp` (`net_mp_niov_clear_page_pool()`).
    case releaseKeepsOwner = "release-keeps-owner"
    /// `page_pool_release()` frees the pool without a check of what is in flight.
    case poolFreedEarly = "pool-freed-early"
    /// `page_pool_release()` does not wait for a CPU that holds the ring's producer lock.
    case poolIgnoresProducer = "pool-ignores-producer"
    /// `page_pool_scrub()` does not empty the ring.
    case ringNotEmptied = "ring-not-emptied"
    /// `page_pool_destroy()` does not empty the allocation cache (`page_pool_empty_alloc_cache_once()`).
    case cacheNotEmptied = "cache-not-emptied"
    /// A put recycles into the allocation cache of a pool that is being destroyed
    /// (`page_pool_disable_direct_recycling()` is not called).
    case cacheAfterDestroy = "cache-after-destroy"
    /// The provider is freed with its user, while pools still use it.
    case providerFreedEarly = "provider-freed-early"
    /// The pool of a restarted queue takes no reference on its provider (`mp_ops->init`).
    case restartOmitsProviderReference = "restart-omits-provider-reference"
    /// Uninstall and close do not unmap the area (`io_zcrx_unmap_areas()`).
    case uninstallOmitsUnmap = "uninstall-omits-unmap"
    /// The binding is freed and its dma-buf stays mapped (`dma_buf_unmap_attachment_unlocked()`).
    case freeOmitsUnmap = "free-omits-unmap"
    /// `io_zcrx_scrub()` skips buffers that the user holds.
    case scrubSkipsUserReferences = "scrub-skips-user-references"
    /// What requests deliver after the ring's first scrub is not scrubbed (`io_unregister_zcrx()`).
    case scrubsOnlyOnce = "scrubs-only-once"
    /// `io_zcrx_scrub_area()` subtracts the user's references from the user's counter only.
    case scrubOmitsPoolReference = "scrub-omits-pool-reference"
    /// A buffer is delivered to the user without a reference (`io_zcrx_recv_frag()`, `tcp_recvmsg_dmabuf()`).
    case deliverWithoutReference = "deliver-without-reference"
    /// `io_zcrx_recv_frag()` takes the user's reference before the pool's.
    case userReferenceFirst = "user-reference-first"
    /// `zcrx_put_refill_niov()` does not check the user's reference (`io_zcrx_put_niov_uref()` is not called).
    case refillUnchecked = "refill-unchecked"
    /// `zcrx_put_refill_niov()` reuses a buffer of an older pool for the new one (the check `niov->desc.pp != pp` is missing).
    case refillTakesForeign = "refill-takes-foreign"
    /// A buffer of the copy fallback is counted as a release of a pool that did not hold it.
    case fallbackCounted = "fallback-counted"
    /// Closing the socket does not release its tokens (`tcp_release_user_frags()`).
    case closeOmitsTokenRelease = "close-omits-token-release"
    /// `sock_devmem_dontneed()` erases the token and does not put the buffer.
    case dontneedOmitsPut = "dontneed-omits-put"
    /// A put reads the count, then writes that value minus one (`page_pool_unref_netmem()` not atomic).
    case putNotAtomic = "put-not-atomic"
    /// The return value of the provider's release is ignored: a buffer counts as released while references remain.
    case returnValueIgnored = "return-value-ignored"

    /// Whether the fault changes anything in a design with a provider.
    public func applies(to design: Design, _ provider: ModelProvider) -> Bool {
        switch self {
        case .releaseNotCounted, .releaseCountedTwice, .releaseOmitsFreeList, .releaseFreesTwice,
            .releaseKeepsOwner, .poolFreedEarly, .poolIgnoresProducer, .ringNotEmptied, .cacheNotEmptied, .cacheAfterDestroy:
            design != .beforeRework
        // A page is counted first and put afterwards: its next owner does not use the pool.
        case .providerFreedEarly, .restartOmitsProviderReference, .deliverWithoutReference, .releaseCountedFirst:
            design != .beforeRework && provider != .none
        case .uninstallOmitsUnmap, .scrubSkipsUserReferences, .scrubsOnlyOnce, .scrubOmitsPoolReference, .refillUnchecked, .refillTakesForeign,
            .fallbackCounted, .userReferenceFirst:
            design != .beforeRework && provider == .zcrx
        case .freeOmitsUnmap, .closeOmitsTokenRelease, .dontneedOmitsPut:
            design != .beforeRework && provider == .devmem
        case .putNotAtomic: design == .unifiedRefCount
        case .returnValueIgnored: design == .rework && provider != .none
        }
    }

    /// The fault of that name. Names of version 0.1 are accepted, too.
    public init?(name: String) {
        guard let fault = Self(rawValue: name) ?? Self.formerNames[name] else { return nil }
        self = fault
    }

    /// Names of version 0.1 that have changed.
    public static let formerNames: [String: Fault] = [
        "release-forgets-free-list": .releaseOmitsFreeList,
        "restart-forgets-provider": .restartOmitsProviderReference,
        "uninstall-forgets-unmap": .uninstallOmitsUnmap,
        "free-forgets-unmap": .freeOmitsUnmap,
        "scrub-forgets-pool-reference": .scrubOmitsPoolReference,
        "close-forgets-tokens": .closeOmitsTokenRelease,
        "dontneed-forgets-put": .dontneedOmitsPut,
        "answer-ignored": .returnValueIgnored,
    ]
}

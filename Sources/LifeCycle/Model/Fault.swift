// SPDX-License-Identifier: GPL-2.0

/// A mistake made on purpose, to see that the invariants catch it. Each says where in the kernel one would make it.
public enum Fault: String, CaseIterable, Sendable {
    /// `page_pool_return_netmem()` gives the buffer back and does not count.
    case releaseNotCounted = "release-not-counted"
    /// `page_pool_return_netmem()` counts twice.
    case releaseCountedTwice = "release-counted-twice"
    /// `page_pool_return_netmem()` counts first and gives the buffer back afterwards.
    case releaseCountedFirst = "release-counted-first"
    /// The provider's release forgets its free list (`io_zcrx_return_niov_freelist()`, `net_devmem_free_dmabuf()`).
    case releaseForgetsFreeList = "release-forgets-free-list"
    /// The provider's release puts the buffer on the free list twice.
    case releaseFreesTwice = "release-frees-twice"
    /// The provider's release leaves `niov->desc.pp` (`net_mp_niov_clear_page_pool()`).
    case releaseKeepsOwner = "release-keeps-owner"
    /// `page_pool_release()` frees the pool without looking at what is in flight.
    case poolFreedEarly = "pool-freed-early"
    /// `page_pool_release()` does not wait for whoever is inside the ring's producer lock.
    case poolIgnoresProducer = "pool-ignores-producer"
    /// `page_pool_scrub()` does not empty the ring.
    case ringNotEmptied = "ring-not-emptied"
    /// `page_pool_destroy()` does not empty the allocation cache (`page_pool_empty_alloc_cache_once()`).
    case cacheNotEmptied = "cache-not-emptied"
    /// A put recycles into the allocation cache of a pool that is being destroyed
    /// (`page_pool_disable_direct_recycling()` forgotten).
    case cacheAfterDestroy = "cache-after-destroy"
    /// The provider is freed with its user, whatever pools there are.
    case providerFreedEarly = "provider-freed-early"
    /// The pool of a restarted queue takes no reference on its provider (`mp_ops->init`).
    case restartForgetsProvider = "restart-forgets-provider"
    /// Uninstall and close leave the area mapped (`io_zcrx_unmap_areas()`).
    case uninstallForgetsUnmap = "uninstall-forgets-unmap"
    /// The binding is freed with its dma-buf mapped (`dma_buf_unmap_attachment_unlocked()`).
    case freeForgetsUnmap = "free-forgets-unmap"
    /// `io_zcrx_scrub()` leaves buffers that the user has.
    case scrubSkipsUserReferences = "scrub-skips-user-references"
    /// Requests that ran after the ring's first scrub have what they delivered scrubbed by nobody (`io_unregister_zcrx()`).
    case scrubsOnlyOnce = "scrubs-only-once"
    /// `io_zcrx_scrub_area()` takes the user's references off the user's counter only.
    case scrubForgetsPoolReference = "scrub-forgets-pool-reference"
    /// A buffer is handed to the user without a reference (`io_zcrx_recv_frag()`, `tcp_recvmsg_dmabuf()`).
    case deliverWithoutReference = "deliver-without-reference"
    /// `io_zcrx_recv_frag()` takes the user's reference before the pool's.
    case userReferenceFirst = "user-reference-first"
    /// `zcrx_put_refill_niov()` believes the user (`io_zcrx_put_niov_uref()` left out).
    case refillUnchecked = "refill-unchecked"
    /// `zcrx_put_refill_niov()` takes a buffer of an older pool into the new one (`niov->desc.pp != pp` left out).
    case refillTakesForeign = "refill-takes-foreign"
    /// A buffer that came from the copy fallback returns through a pool that never held it.
    case fallbackCounted = "fallback-counted"
    /// Closing the socket forgets its tokens (`tcp_release_user_frags()`).
    case closeForgetsTokens = "close-forgets-tokens"
    /// `sock_devmem_dontneed()` erases the token and does not put the buffer.
    case dontneedForgetsPut = "dontneed-forgets-put"
    /// A put looks at the count, then writes what it saw less one (`page_pool_unref_netmem()` not atomic).
    case putNotAtomic = "put-not-atomic"
    /// The provider's answer is not asked for: a buffer counts as released although somebody still refers to it.
    case answerIgnored = "answer-ignored"

    /// On which designs and providers there is anything to break.
    public func applies(to design: Design, _ provider: ModelProvider) -> Bool {
        switch self {
        case .releaseNotCounted, .releaseCountedTwice, .releaseForgetsFreeList, .releaseFreesTwice,
            .releaseKeepsOwner, .poolFreedEarly, .poolIgnoresProducer, .ringNotEmptied, .cacheNotEmptied, .cacheAfterDestroy:
            design != .beforeRework
        // A page is counted first and put afterwards: whoever has it next has nothing to do with the pool.
        case .providerFreedEarly, .restartForgetsProvider, .deliverWithoutReference, .releaseCountedFirst:
            design != .beforeRework && provider != .none
        case .uninstallForgetsUnmap, .scrubSkipsUserReferences, .scrubsOnlyOnce, .scrubForgetsPoolReference, .refillUnchecked, .refillTakesForeign,
            .fallbackCounted, .userReferenceFirst:
            design != .beforeRework && provider == .zcrx
        case .freeForgetsUnmap, .closeForgetsTokens, .dontneedForgetsPut:
            design != .beforeRework && provider == .devmem
        case .putNotAtomic: design == .unifiedRefCount
        case .answerIgnored: design == .rework && provider != .none
        }
    }
}

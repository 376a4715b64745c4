// SPDX-License-Identifier: GPL-2.0

/// How the kernel decides that the last reference to a net_iov was dropped, and when the pool counts the release.
///
/// Three designs followed one another. The model has one state and three transition relations.
public enum Design: String, CaseIterable, Sendable {
    /// The design that the RFC criticises (page_pool_iov of the devmem RFCs): a buffer has a reference count of its own. On a put
    /// through the pool, the pool drops the buffer and counts a release even while others hold references. The last put by any
    /// other holder frees the buffer directly into devmem's free list, also where another provider owns it, and the pool does not count that.
    case beforeRework
    /// RFC v3 03/20: every put goes through the pool. A put that reads a count of 1 recycles the buffer. Any other put calls
    /// the provider to drop a reference, and the provider returns whether the buffer was freed. Only then is a release
    /// counted.
    case rework
    /// Mainline since 6.12: references are counted in `pp_ref_count` as for pages (`page_pool_unref_netmem()`). Only the put that
    /// drops the last one reaches the pool (`page_pool_put_unrefed_netmem()`).
    case unifiedRefCount
}

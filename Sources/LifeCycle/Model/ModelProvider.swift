// SPDX-License-Identifier: GPL-2.0

/// Where a pool's buffers come from.
public enum ModelProvider: String, CaseIterable, Sendable {
    /// The page allocator.
    case none
    /// net/core/devmem.c: user references are tokens in the socket's `sk_user_frags`.
    case devmem
    /// io_uring/zcrx.c: user references are counted per net_iov, are returned through the refill ring, and are scrubbed when the
    /// ring is closed. Data that is not in a net_iov is copied into one.
    case zcrx
}

// SPDX-License-Identifier: GPL-2.0

/// The memory provider a scenario drives.
public enum Provider: String, Codable, Sendable, CaseIterable {
    /// Ordinary pages: no memory provider.
    case pages
    /// Devmem TCP (`dmabuf_devmem_ops`, net/core/devmem.c).
    case devmem
    /// io_uring zero-copy receive (`io_uring_pp_zc_ops`, io_uring/zcrx.c).
    case zcrx
}

// SPDX-License-Identifier: GPL-2.0

/// Resource counters that must return to their values from before, by name: "pinned-pages", "locked-bytes", "dma-bufs", "dma-mappings", "fds", "page-pools", "netdevs".
public typealias Counters = [String: Int64]

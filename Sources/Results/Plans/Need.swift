// SPDX-License-Identifier: GPL-2.0

/// What a scenario needs of the kernel and the machine.
///
/// Where one is missing the scenario is skipped, and the result names it. It fails where the kernel's version and configuration guarantee
/// it (`Checks.GuaranteedNeeds`).
public enum Need: String, Sendable, CaseIterable {
    /// An interface whose queues accept memory providers: patched netdevsim, or the one named by NETIF.
    case interface
    /// The interface can be removed and made again: netdevsim.
    case removableInterface
    /// debugfs `pp_hold` of netdevsim.
    case pageHold
    /// debugfs `queue_reset` of netdevsim.
    case queueReset
    /// io_uring zero-copy receive.
    case zcrx
    /// zcrx counts the bytes that it copied (`ZCRX_FEATURE_EVENT`): without the count zero copy cannot be proved.
    case zcrxStatistics
    /// zcrx without a device (`ZCRX_REG_NODEV`).
    case zcrxNoDevice
    /// The refill ring can be flushed (`ZCRX_CTRL_FLUSH_RQ`).
    case zcrxFlush
    /// An area can be a dma-buf (`IORING_ZCRX_AREA_DMABUF`), and there is /dev/udmabuf.
    case zcrxDMABuf
    /// Queues can be exported and imported (`ZCRX_CTRL_EXPORT`, `ZCRX_REG_IMPORT`).
    case zcrxSharing
    /// Areas can be added to a live queue (`ZCRX_CTRL_ADD_AREA`).
    case zcrxAddArea
    /// Devmem TCP: bind-rx of the netdev family, and /dev/udmabuf.
    case devmem
    /// bind-rx takes the size of the net_iovs (`rx-page-size`, since 7.3).
    case devmemPageSize
    /// Devmem TCP transmit: bind-tx, and an interface that sends net_iovs (`netmem_tx`).
    case devmemTransmit
    /// A module that can be unloaded and loaded again: netdevsim in the harness's guest.
    case reloadableModule
    /// The kernel searches for memory that no pointer refers to (CONFIG_DEBUG_KMEMLEAK): profile `debug`.
    case kmemleak
    /// sysfs has the number of objects of each slab cache (CONFIG_SLUB_DEBUG).
    case slabCounts
    /// Pages of 2 MiB can be reserved (CONFIG_HUGETLBFS).
    case hugePages
    /// The interface takes buffers larger than a page (`QCFG_RX_PAGE_SIZE` of its driver). Only an attempt shows it.
    case largeBuffers
    /// XDP programs and AF_XDP sockets (CONFIG_BPF_SYSCALL, CONFIG_XDP_SOCKETS).
    case xdp
    /// tc at the ingress hook, with the actions pedit, csum and mirred (CONFIG_NET_SCH_INGRESS, CONFIG_NET_ACT_*).
    case trafficControl
    /// nf_tables for IPv4, with queues and logs (CONFIG_NF_TABLES_IPV4, CONFIG_NFT_QUEUE, CONFIG_NFT_LOG).
    case netfilter
    /// The kernel counts its DMA mappings (CONFIG_DMA_API_DEBUG): profile `debug`.
    case dmaMappings
    /// A page may be mapped for a device several times. The DMA-API checker, which profile `debug` has, reports that as an error.
    case repeatedMappings
    /// `/proc/self/fail-nth` for slab allocations: profile `debug`.
    case faultInjection
}

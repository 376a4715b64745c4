// SPDX-License-Identifier: GPL-2.0

public import Results

/// What a scenario needs of the kernel and the machine. One that is not met makes a reasoned skip, never a failure.
public enum Need: String, Sendable, CaseIterable {
    /// An interface whose queues accept memory providers: patched netdevsim, or the one named by NETIF.
    case interface
    /// The interface can be taken away and made again: netdevsim.
    case removableInterface
    /// debugfs `pp_hold` of netdevsim.
    case pageHold
    /// debugfs `queue_reset` of netdevsim.
    case queueReset
    /// io_uring zero-copy receive.
    case zcrx
    /// zcrx tells how many bytes it copied (`ZCRX_FEATURE_EVENT`): without it zero copy cannot be proved.
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
    /// The kernel looks for memory that nobody points to (CONFIG_DEBUG_KMEMLEAK): profile `debug`.
    case kmemleak
    /// The slab allocator tells how many objects of a kind there are (CONFIG_SLUB_DEBUG, and sysfs).
    case slabCounts
    /// Pages of 2 MiB can be reserved (CONFIG_HUGETLBFS).
    case hugePages
    /// The interface takes buffers larger than a page (`QCFG_RX_PAGE_SIZE` of its driver), which only a try can tell.
    case largeBuffers
    /// XDP programs and AF_XDP sockets (CONFIG_BPF_SYSCALL, CONFIG_XDP_SOCKETS).
    case xdp
    /// The kernel counts its DMA mappings (CONFIG_DMA_API_DEBUG): profile `debug`.
    case dmaMappings
    /// A page may be mapped for a device several times: the DMA-API checker, and so profile `debug`, objects to that.
    case repeatedMappings
    /// `/proc/self/fail-nth` for slab allocations: profile `debug`.
    case faultInjection
}

/// One way a buffer can live and die, written once: what it does, what it needs and what it expects.
public struct Scenario: Sendable {
    /// Stable dotted name; the part before the first dot is its group.
    public var id: String
    /// One line for `ppiov list`.
    public var summary: String
    public var tier: Tier
    public var needs: Set<Need>
    public var expectation: Expectation
    /// Seconds without a step that it may take before it counts as hung, before scaling; for all its steps together ten times as much.
    public var deadline: Double
    /// Part of the harness's test of itself: run only when named in full.
    public var hidden: Bool
    /// Run only with `--all`, or when named in full.
    public var thorough: Bool
    let body: @Sendable (ScenarioRun) throws -> Void

    init(
        _ id: String, _ summary: String, tier: Tier, needs: Set<Need>, expects expectation: Expectation, deadline: Double = 75,
        hidden: Bool = false, thorough: Bool = false, _ body: @escaping @Sendable (ScenarioRun) throws -> Void
    ) {
        self.id = id
        self.summary = summary
        self.tier = tier
        self.needs = needs
        self.expectation = expectation
        self.deadline = deadline
        self.hidden = hidden
        self.thorough = thorough
        self.body = body
    }

    /// The part of the name before the first dot.
    public var group: String { String(id.prefix { $0 != "." }) }

    /// Does what the scenario does. Evidence collects in `run`; an error is the step that failed.
    public func perform(_ run: ScenarioRun) throws { try body(run) }
}

/// A step that did not do what it should: the scenario's own words for it.
public struct ScenarioFailure: Error, CustomStringConvertible, Sendable {
    public var description: String

    public init(_ description: String) { self.description = description }
}

/// Something the scenario needs is not there; found out on the way.
public struct ScenarioSkip: Error, Sendable {
    public var reason: String

    public init(_ reason: String) { self.reason = reason }

    /// The interface's driver answered a buffer larger than a page with EOPNOTSUPP.
    static let noLargeBuffers = ScenarioSkip("this interface takes no buffers larger than a page (QCFG_RX_PAGE_SIZE of its driver)")
}

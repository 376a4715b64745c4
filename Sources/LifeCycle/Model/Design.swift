// SPDX-License-Identifier: GPL-2.0

/// Who decides that a net_iov's last reference is gone, and who is told. Three answers were given, one after the other; the model
/// is one state with three transition relations.
public enum Design: String, CaseIterable, Sendable {
    /// What the RFC found (page_pool_iov of the devmem RFCs): a buffer has a reference count of its own. A put through the pool
    /// makes the pool let go and count a release even while others hold references; the last put by anybody else frees the
    /// buffer straight into devmem, whoever provides it, and the pool never hears of it.
    case beforeRework
    /// RFC v3 03/20: every put goes through the pool. One that looks like the last recycles the buffer; any other asks the provider
    /// to drop a reference, and the provider's answer says whether the buffer came home. Only then is a release counted.
    case rework
    /// Mainline since 6.12: references are counted in `pp_ref_count` as for pages (`page_pool_unref_netmem()`), and only
    /// whoever drops the last one comes to the pool (`page_pool_put_unrefed_netmem()`).
    case unifiedRefCount
}

/// Where a pool's buffers come from.
public enum ModelProvider: String, CaseIterable, Sendable {
    /// The page allocator.
    case none
    /// net/core/devmem.c: user references are tokens in the socket's `sk_user_frags`.
    case devmem
    /// io_uring/zcrx.c: user references are counted per net_iov, come back through the refill ring, and are scrubbed when the
    /// ring goes. Data that is not in a net_iov is copied into one.
    case zcrx
}

/// What must hold in every state. The numbers are those of docs/model.md.
public enum Invariant: String, CaseIterable, Sendable, Comparable {
    /// hold - release is the number of buffers that are out, never negative (`page_pool_inflight()`).
    case inflightIsOut = "I1"
    /// After a hold comes exactly one release before the same buffer is held again, by whichever pool.
    case holdThenRelease = "I2"
    /// A pool is freed only when nothing is in flight, and nothing names it afterwards (`page_pool_release()`).
    case poolOutlivesBuffers = "I3"
    /// A provider is freed after its last pool, with every buffer home (`__net_devmem_dmabuf_binding_free()`,
    /// `io_zcrx_ifq_free()`).
    case providerOutlivesPools = "I4"
    /// A buffer that somebody refers to is on no free list, in no cache, and handed to nobody else.
    case referencedIsNotFree = "I5"
    /// After uninstall nothing is mapped for the device (`io_pp_uninstall()`, `io_close_queue()`). devmem keeps its dma-buf
    /// mapped until the binding is freed; see `Configuration.strict`.
    case unmappedAfterUninstall = "I6"
    /// When all users are gone everything comes home: buffers, pools, provider.
    case everythingComesHome = "I7"

    public static func < (a: Invariant, b: Invariant) -> Bool { a.rawValue < b.rawValue }

    /// One line for those who do not know the numbers.
    public var statement: String {
        switch self {
        case .inflightIsOut: "hold - release is the number of buffers out, never negative"
        case .holdThenRelease: "a buffer held is released once before it is held again, by whichever pool"
        case .poolOutlivesBuffers: "a pool is freed only when no buffer names it"
        case .providerOutlivesPools: "a provider is freed after its last pool, with every buffer home"
        case .referencedIsNotFree: "a buffer that somebody refers to is on no free list, in no cache, and nobody else's"
        case .unmappedAfterUninstall: "after uninstall nothing is mapped for the device"
        case .everythingComesHome: "when all users are gone, everything comes home"
        }
    }

    /// Past the break the kernel works on freed memory, or on a buffer with two owners: what follows means nothing.
    var isFatal: Bool {
        switch self {
        case .inflightIsOut, .unmappedAfterUninstall, .everythingComesHome: false
        case .holdThenRelease, .poolOutlivesBuffers, .providerOutlivesPools, .referencedIsNotFree: true
        }
    }
}

/// The bounds and the choices of one exploration.
public struct Configuration: Hashable, Sendable {
    public static let maximumBuffers = 4
    public static let maximumPools = 3
    public static let maximumReferences = 3
    public static let maximumPuts = 3

    public var design: Design
    public var provider: ModelProvider
    public var fault: Fault?
    /// net_iovs of the provider; 1...4.
    public var buffers: Int
    /// Pools that the queue has in turn: the first at bind, the others by queue restarts; 1...3.
    public var pools: Int
    /// References of the stack to one buffer: the driver's or an skb's, clones, segments; 1...3.
    public var stackReferences: Int
    /// References of user space to one buffer; 0...3.
    public var userReferences: Int
    /// net_iovs that a pool's ptr_ring takes; where it is full they go back to the provider.
    public var ringCapacity: Int
    /// Puts that can be under way at once, each on a CPU of its own; 1...3.
    public var concurrentPuts: Int
    /// zcrx: user space writes refill-ring entries for buffers that it does not have.
    public var hostile: Bool
    /// devmem: what mainline is known to get wrong is held against it. I6 by the letter: nothing stays mapped for a device that is
    /// gone, and the binding keeps its mapping until the last buffer is home. And a token can be returned between its reservation
    /// and its commit (`tcp_xa_pool_refill()`), which leaves a reference that nobody can drop.
    public var strict: Bool
    /// Buffers are told apart only by what happens to them. Off, to see what that saves.
    public var symmetry: Bool

    public init(
        design: Design, provider: ModelProvider, fault: Fault? = nil, buffers: Int = 3, pools: Int = 2, stackReferences: Int = 2,
        userReferences: Int = 2, ringCapacity: Int = 1, concurrentPuts: Int = 2, hostile: Bool = true, strict: Bool = false,
        symmetry: Bool = true
    ) {
        self.design = design
        self.provider = provider
        self.fault = fault
        self.buffers = min(max(buffers, 1), Self.maximumBuffers)
        self.pools = min(max(pools, 1), Self.maximumPools)
        self.stackReferences = min(max(stackReferences, 1), Self.maximumReferences)
        self.userReferences = provider == .none ? 0 : min(max(userReferences, 0), Self.maximumReferences)
        self.ringCapacity = min(max(ringCapacity, 0), Self.maximumBuffers)
        self.concurrentPuts = min(max(concurrentPuts, 1), Self.maximumPuts)
        self.hostile = hostile && provider == .zcrx
        self.strict = strict
        self.symmetry = symmetry
    }
}

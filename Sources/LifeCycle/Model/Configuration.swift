// SPDX-License-Identifier: GPL-2.0

/// The bounds and options of one exploration. Numbers outside their range are clamped.
public struct Configuration: Hashable, Sendable {
    /// The upper bounds of the numbers below: a state has 128 bits.
    public static let maximumBuffers = 4
    public static let maximumPools = 3
    public static let maximumReferences = 3
    public static let maximumPuts = 3

    public var design: Design
    public var provider: ModelProvider
    /// A defect to put into the model; nil for none.
    public var fault: Fault?
    /// net_iovs of the provider; 1...4.
    public var buffers: Int
    /// Pools that the queue has, one after the other: the first at bind, one more for each queue restart; 1...3.
    public var pools: Int
    /// References of the stack to one buffer: the driver's or an skb's, clones, fragments; 1...3.
    public var stackReferences: Int
    /// References of user space to one buffer; 0...3.
    public var userReferences: Int
    /// net_iovs that fit into a pool's ptr_ring; when it is full, they are returned to the provider.
    public var ringCapacity: Int
    /// Puts that can be in progress at once, each on a CPU of its own; 1...3.
    public var concurrentPuts: Int
    /// zcrx: user space writes refill-ring entries for buffers that it does not hold.
    public var hostile: Bool
    /// Also reports two known defects of mainline's devmem. I6 in full: nothing stays mapped for a removed device, but the binding
    /// stays mapped until its last buffer is released. And a token can be returned between its reservation and its commit
    /// (`tcp_xa_pool_refill()`), which leaves a reference that no token can drop.
    public var strict: Bool
    /// States that differ only by a permutation of the buffers count as one. Off, to measure what that saves.
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

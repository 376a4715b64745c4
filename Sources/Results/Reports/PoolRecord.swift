// SPDX-License-Identifier: GPL-2.0

/// A page pool as the netdev family's dump shows it (`page_pool_nl_fill`, net/core/page_pool_user.c).
public struct PoolRecord: Codable, Sendable, Equatable {
    public var id: UInt64
    /// Absent once the device is unregistered: the pool then belongs to the loopback device.
    public var ifindex: UInt32?
    public var provider: Provider
    /// net_iovs or pages that are held.
    public var inflight: UInt64
    /// `page_pool_destroy()` was called.
    public var detached: Bool

    public init(id: UInt64, ifindex: UInt32?, provider: Provider, inflight: UInt64, detached: Bool) {
        self.id = id
        self.ifindex = ifindex
        self.provider = provider
        self.inflight = inflight
        self.detached = detached
    }
}

extension PoolRecord: CustomStringConvertible {
    public var description: String { "pool \(id) (\(provider.rawValue), \(inflight) in flight\(detached ? ", detached" : ""))" }
}

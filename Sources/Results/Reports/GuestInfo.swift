// SPDX-License-Identifier: GPL-2.0

/// What the agent found when it started.
public struct GuestInfo: Codable, Sendable, Equatable {
    /// `uname -r` and `uname -v`.
    public var kernelRelease: String
    public var kernelVersion: String
    public var cpus: Int
    /// There is a netdevsim, and its queues accept memory providers.
    public var netdevsim: Bool
    /// Why netdevsim cannot be used, where it cannot.
    public var netdevsimReason: String?
    /// `IO_URING_QUERY_ZCRX` registration flags; nil where the kernel has no zcrx.
    public var zcrxRegisterFlags: UInt64?
    /// The netdev family answers bind-rx.
    public var devmem: Bool
    /// The tracefs `format` files of the events recorded and `events/header_page`, by name ("page_pool_state_hold", "header_page").
    public var traceFormats: [String: String]

    public init(
        kernelRelease: String, kernelVersion: String, cpus: Int, netdevsim: Bool, netdevsimReason: String? = nil,
        zcrxRegisterFlags: UInt64?, devmem: Bool, traceFormats: [String: String]
    ) {
        self.kernelRelease = kernelRelease
        self.kernelVersion = kernelVersion
        self.cpus = cpus
        self.netdevsim = netdevsim
        self.netdevsimReason = netdevsimReason
        self.zcrxRegisterFlags = zcrxRegisterFlags
        self.devmem = devmem
        self.traceFormats = traceFormats
    }
}

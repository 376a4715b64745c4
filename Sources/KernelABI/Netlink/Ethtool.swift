// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// A structure of the shim whose members are present where their bit in `has` is set.
private protocol Masked {
    var has: UInt32 { get set }
}

extension ppiov_rings: Masked {}
extension ppiov_channels: Masked {}

extension Masked {
    fileprivate func value(_ bit: UInt32, _ value: UInt32) -> UInt32? { has & bit != 0 ? value : nil }

    fileprivate mutating func set(_ value: UInt32?, _ bit: UInt32, _ member: WritableKeyPath<Self, UInt32>) {
        guard let value else { return }
        has |= bit
        self[keyPath: member] = value
    }
}

/// A device's rings. Mirrors `rings_fill_reply()`; nil where the driver does not report a value, or where it is not to be changed.
public struct DeviceRings: Sendable, Hashable {
    /// Whether headers and payload go to different buffers, as memory providers require. `ETHTOOL_TCP_DATA_SPLIT_*`.
    public enum DataSplit: UInt8, Sendable, Hashable {
        case unknown = 0
        case disabled = 1
        case enabled = 2
    }

    /// Descriptors.
    public var rx, rxMax, tx, txMax: UInt32?
    /// Bytes.
    public var rxBufferLength: UInt32?
    /// Header split (`tcp-data-split`).
    public var tcpDataSplit: DataSplit?
    /// Packets of up to this many bytes are not split. Memory providers require 0.
    public var hdsThreshold, hdsThresholdMax: UInt32?

    /// What is to be set; nil leaves a value unchanged.
    public init(
        rx: UInt32? = nil, tx: UInt32? = nil, rxBufferLength: UInt32? = nil, tcpDataSplit: DataSplit? = nil,
        hdsThreshold: UInt32? = nil
    ) {
        self.rx = rx
        self.tx = tx
        self.rxBufferLength = rxBufferLength
        self.tcpDataSplit = tcpDataSplit
        self.hdsThreshold = hdsThreshold
    }

    init(_ raw: ppiov_rings) {
        rx = raw.value(PPIOV_RINGS_RX.rawValue, raw.rx)
        rxMax = raw.value(PPIOV_RINGS_RX_MAX.rawValue, raw.rx_max)
        tx = raw.value(PPIOV_RINGS_TX.rawValue, raw.tx)
        txMax = raw.value(PPIOV_RINGS_TX_MAX.rawValue, raw.tx_max)
        rxBufferLength = raw.value(PPIOV_RINGS_RX_BUF_LEN.rawValue, raw.rx_buf_len)
        tcpDataSplit = raw.value(PPIOV_RINGS_TCP_DATA_SPLIT.rawValue, UInt32(raw.tcp_data_split))
            .flatMap { DataSplit(rawValue: UInt8(truncatingIfNeeded: $0)) }
        hdsThreshold = raw.value(PPIOV_RINGS_HDS_THRESH.rawValue, raw.hds_thresh)
        hdsThresholdMax = raw.value(PPIOV_RINGS_HDS_THRESH_MAX.rawValue, raw.hds_thresh_max)
    }

    var raw: ppiov_rings {
        var raw = ppiov_rings()
        raw.set(rx, PPIOV_RINGS_RX.rawValue, \.rx)
        raw.set(tx, PPIOV_RINGS_TX.rawValue, \.tx)
        raw.set(rxBufferLength, PPIOV_RINGS_RX_BUF_LEN.rawValue, \.rx_buf_len)
        raw.set(hdsThreshold, PPIOV_RINGS_HDS_THRESH.rawValue, \.hds_thresh)
        if let tcpDataSplit {
            raw.has |= PPIOV_RINGS_TCP_DATA_SPLIT.rawValue
            raw.tcp_data_split = tcpDataSplit.rawValue
        }
        return raw
    }
}

/// A device's channel counts. Mirrors `channels_fill_reply()`; nil where the driver does not report a value, or where it is not to be changed.
public struct DeviceChannels: Sendable, Hashable {
    /// Channels.
    public var rx, rxMax, tx, txMax, combined, combinedMax: UInt32?

    /// What is to be set; nil leaves a count unchanged.
    public init(rx: UInt32? = nil, tx: UInt32? = nil, combined: UInt32? = nil) {
        self.rx = rx
        self.tx = tx
        self.combined = combined
    }

    init(_ raw: ppiov_channels) {
        rx = raw.value(PPIOV_CHANNELS_RX.rawValue, raw.rx)
        rxMax = raw.value(PPIOV_CHANNELS_RX_MAX.rawValue, raw.rx_max)
        tx = raw.value(PPIOV_CHANNELS_TX.rawValue, raw.tx)
        txMax = raw.value(PPIOV_CHANNELS_TX_MAX.rawValue, raw.tx_max)
        combined = raw.value(PPIOV_CHANNELS_COMBINED.rawValue, raw.combined)
        combinedMax = raw.value(PPIOV_CHANNELS_COMBINED_MAX.rawValue, raw.combined_max)
    }

    var raw: ppiov_channels {
        var raw = ppiov_channels()
        raw.set(rx, PPIOV_CHANNELS_RX.rawValue, \.rx)
        raw.set(tx, PPIOV_CHANNELS_TX.rawValue, \.tx)
        raw.set(combined, PPIOV_CHANNELS_COMBINED.rawValue, \.combined)
        return raw
    }
}

/// The generic netlink family `ethtool`: rings and channels, in the network namespace of the thread that made the handle.
public struct Ethtool: ~Copyable {
    private let netlink: FamilySocket

    /// - Throws: `ENOENT` without CONFIG_ETHTOOL_NETLINK.
    public init() throws(KernelError) { netlink = try FamilySocket(PPIOV_ETHTOOL_FAMILY) }

    /// A device's rings.
    ///
    /// The tcp-data-split shown may be a driver's default: netdevsim shows `enabled` where nothing was set, and the check of memory providers
    /// reads what was set.
    /// - Throws: `ENODEV`; `EOPNOTSUPP` where the driver has no such operation.
    public borrowing func rings(of ifindex: UInt32) throws(KernelError) -> DeviceRings {
        try netlink.one(
            "rings-get of ifindex \(ifindex)", ppiov_rings(), build: { ppiov_msg_rings_get($0, $1, $2, $3, ifindex) },
            parse: ppiov_parse_rings, DeviceRings.init)
    }

    /// Sets what is not nil in `rings`; maxima are ignored. Needs CAP_NET_ADMIN.
    public borrowing func setRings(of ifindex: UInt32, to rings: DeviceRings) throws(KernelError) {
        var raw = rings.raw
        try netlink.change("rings-set of ifindex \(ifindex)") { ppiov_msg_rings_set($0, $1, $2, $3, ifindex, &raw) }
    }

    /// A device's channel counts.
    ///
    /// - Throws: `ENODEV`; `EOPNOTSUPP` where the driver has no such operation.
    public borrowing func channels(of ifindex: UInt32) throws(KernelError) -> DeviceChannels {
        try netlink.one(
            "channels-get of ifindex \(ifindex)", ppiov_channels(), build: { ppiov_msg_channels_get($0, $1, $2, $3, ifindex) },
            parse: ppiov_parse_channels, DeviceChannels.init)
    }

    /// Sets what is not nil in `channels`; maxima are ignored. Needs CAP_NET_ADMIN.
    ///
    /// - Throws: among others `EINVAL` where a queue that would be removed has a memory provider, with the kernel's extack.
    public borrowing func setChannels(of ifindex: UInt32, to channels: DeviceChannels) throws(KernelError) {
        var raw = channels.raw
        try netlink.change("channels-set of ifindex \(ifindex)") { ppiov_msg_channels_set($0, $1, $2, $3, ifindex, &raw) }
    }
}

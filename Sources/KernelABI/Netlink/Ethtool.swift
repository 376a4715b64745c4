// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// A device's rings. Mirrors `rings_fill_reply()`; nil where the driver does not tell, or is not to be changed.
public struct DeviceRings: Sendable, Hashable {
    /// Whether headers and payload go to different buffers, as providers demand. `ETHTOOL_TCP_DATA_SPLIT_*`.
    public enum DataSplit: UInt8, Sendable, Hashable {
        case unknown = 0
        case disabled = 1
        case enabled = 2
    }

    /// Descriptors.
    public var rx, rxMax, tx, txMax: UInt32?
    /// Bytes.
    public var rxBufferLength: UInt32?
    public var tcpDataSplit: DataSplit?
    /// Packets of up to this many bytes are not split. Providers demand 0.
    public var hdsThreshold, hdsThresholdMax: UInt32?

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
        func field(_ bit: ppiov_rings_has, _ value: UInt32) -> UInt32? { raw.has & bit.rawValue != 0 ? value : nil }
        rx = field(PPIOV_RINGS_RX, raw.rx)
        rxMax = field(PPIOV_RINGS_RX_MAX, raw.rx_max)
        tx = field(PPIOV_RINGS_TX, raw.tx)
        txMax = field(PPIOV_RINGS_TX_MAX, raw.tx_max)
        rxBufferLength = field(PPIOV_RINGS_RX_BUF_LEN, raw.rx_buf_len)
        tcpDataSplit = field(PPIOV_RINGS_TCP_DATA_SPLIT, UInt32(raw.tcp_data_split))
            .flatMap { DataSplit(rawValue: UInt8(truncatingIfNeeded: $0)) }
        hdsThreshold = field(PPIOV_RINGS_HDS_THRESH, raw.hds_thresh)
        hdsThresholdMax = field(PPIOV_RINGS_HDS_THRESH_MAX, raw.hds_thresh_max)
    }

    var raw: ppiov_rings {
        var raw = ppiov_rings()
        func set(_ value: UInt32?, _ bit: ppiov_rings_has, _ path: WritableKeyPath<ppiov_rings, UInt32>) {
            guard let value else { return }
            raw.has |= bit.rawValue
            raw[keyPath: path] = value
        }
        set(rx, PPIOV_RINGS_RX, \.rx)
        set(tx, PPIOV_RINGS_TX, \.tx)
        set(rxBufferLength, PPIOV_RINGS_RX_BUF_LEN, \.rx_buf_len)
        set(hdsThreshold, PPIOV_RINGS_HDS_THRESH, \.hds_thresh)
        if let tcpDataSplit {
            raw.has |= PPIOV_RINGS_TCP_DATA_SPLIT.rawValue
            raw.tcp_data_split = tcpDataSplit.rawValue
        }
        return raw
    }
}

/// A device's channel counts. Mirrors `channels_fill_reply()`; nil where the driver does not tell, or is not to be changed.
public struct DeviceChannels: Sendable, Hashable {
    public var rx, rxMax, tx, txMax, combined, combinedMax: UInt32?

    public init(rx: UInt32? = nil, tx: UInt32? = nil, combined: UInt32? = nil) {
        self.rx = rx
        self.tx = tx
        self.combined = combined
    }

    init(_ raw: ppiov_channels) {
        func field(_ bit: ppiov_channels_has, _ value: UInt32) -> UInt32? { raw.has & bit.rawValue != 0 ? value : nil }
        rx = field(PPIOV_CHANNELS_RX, raw.rx)
        rxMax = field(PPIOV_CHANNELS_RX_MAX, raw.rx_max)
        tx = field(PPIOV_CHANNELS_TX, raw.tx)
        txMax = field(PPIOV_CHANNELS_TX_MAX, raw.tx_max)
        combined = field(PPIOV_CHANNELS_COMBINED, raw.combined)
        combinedMax = field(PPIOV_CHANNELS_COMBINED_MAX, raw.combined_max)
    }

    var raw: ppiov_channels {
        var raw = ppiov_channels()
        func set(_ value: UInt32?, _ bit: ppiov_channels_has, _ path: WritableKeyPath<ppiov_channels, UInt32>) {
            guard let value else { return }
            raw.has |= bit.rawValue
            raw[keyPath: path] = value
        }
        set(rx, PPIOV_CHANNELS_RX, \.rx)
        set(tx, PPIOV_CHANNELS_TX, \.tx)
        set(combined, PPIOV_CHANNELS_COMBINED, \.combined)
        return raw
    }
}

/// The generic netlink family `ethtool`: rings and channels, in the namespace of the thread that made it.
public struct Ethtool: ~Copyable {
    private let socket: NetlinkSocket
    private let family: GenericFamily

    /// - Throws: `ENOENT` without CONFIG_ETHTOOL_NETLINK.
    public init() throws(KernelError) {
        let socket = try NetlinkSocket(protocol: CInt(PPIOV_NETLINK_GENERIC))
        family = try GenericFamily(named: PPIOV_ETHTOOL_FAMILY, over: socket)
        self.socket = socket
    }

    /// A device's rings.
    ///
    /// The tcp-data-split shown may be a driver's default: netdevsim shows `enabled` where nothing was ever set, and the
    /// providers' check reads what was set.
    /// - Throws: `ENODEV`; `EOPNOTSUPP` where the driver has no such knob.
    public borrowing func rings(of ifindex: UInt32) throws(KernelError) -> DeviceRings {
        let operation = "rings-get of ifindex \(ifindex)"
        let id = family.id
        var raw = ppiov_rings()
        try socket.request(
            operation, build: { ppiov_msg_rings_get($0, $1, id, $2, ifindex) },
            each: { (message) throws(KernelError) in
                try check(ppiov_parse_rings(message.baseAddress, message.count, &raw), operation)
            })
        return DeviceRings(raw)
    }

    /// Sets what is not nil in `rings`; maxima are ignored. Needs CAP_NET_ADMIN.
    public borrowing func setRings(of ifindex: UInt32, to rings: DeviceRings) throws(KernelError) {
        let id = family.id
        var raw = rings.raw
        try socket.request(
            "rings-set of ifindex \(ifindex)", build: { ppiov_msg_rings_set($0, $1, id, $2, ifindex, &raw) },
            each: { (_) throws(KernelError) in })
    }

    /// A device's channel counts.
    ///
    /// - Throws: `ENODEV`; `EOPNOTSUPP` where the driver has no such knob.
    public borrowing func channels(of ifindex: UInt32) throws(KernelError) -> DeviceChannels {
        let operation = "channels-get of ifindex \(ifindex)"
        let id = family.id
        var raw = ppiov_channels()
        try socket.request(
            operation, build: { ppiov_msg_channels_get($0, $1, id, $2, ifindex) },
            each: { (message) throws(KernelError) in
                try check(ppiov_parse_channels(message.baseAddress, message.count, &raw), operation)
            })
        return DeviceChannels(raw)
    }

    /// Sets what is not nil in `channels`; maxima are ignored. Needs CAP_NET_ADMIN.
    ///
    /// - Throws: among others `EINVAL` where a queue that would go has a memory provider, with the kernel's extack.
    public borrowing func setChannels(of ifindex: UInt32, to channels: DeviceChannels) throws(KernelError) {
        let id = family.id
        var raw = channels.raw
        try socket.request(
            "channels-set of ifindex \(ifindex)", build: { ppiov_msg_channels_set($0, $1, id, $2, ifindex, &raw) },
            each: { (_) throws(KernelError) in })
    }
}

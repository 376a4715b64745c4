// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import SystemPackage

/// What nf_tables does with a packet on the way to a local socket.
public enum FilterRule: Sendable, Equatable {
    /// Hands it to the reader of a queue, whose verdict decides (``PacketQueue``).
    case queue(UInt16)
    /// Hands a copy to the reader of a log group (``PacketLog``).
    case log(group: UInt16)
    case drop
    /// Writes two bytes of the IPv4 header at an even offset, and updates its checksum.
    case write(offset: UInt8, UInt8, UInt8)

    fileprivate func raw(_ ifindex: UInt32) -> ppiov_nft_rule {
        var raw = ppiov_nft_rule()
        raw.ifindex = ifindex
        switch self {
        case .queue(let number):
            raw.kind = PPIOV_NFT_QUEUE
            raw.number = number
        case .log(let group):
            raw.kind = PPIOV_NFT_LOG
            raw.number = group
        case .drop: raw.kind = PPIOV_NFT_DROP
        case .write(let offset, let first, let second):
            raw.kind = PPIOV_NFT_WRITE
            raw.offset = offset
            raw.value = (first, second)
        }
        return raw
    }
}

/// A table of nf_tables with one rule for the IPv4 packets that an interface has received for local sockets (hook `NF_INET_LOCAL_IN`), in the network
/// namespace of the thread that made it. The table belongs to the handle: the kernel deletes it when the handle is closed (`NFT_TABLE_F_OWNER`).
/// Needs CAP_NET_ADMIN.
public final class PacketFilter {
    private var socket: NetlinkSocket?

    /// - Parameter name: of the table.
    /// - Throws: `EEXIST` where there is a table of that name; `EOPNOTSUPP`, `EPROTONOSUPPORT` or `ENOENT` where the kernel has no nf_tables or not
    ///   that expression.
    public init(_ name: String, received ifindex: UInt32, _ rule: FilterRule) throws(KernelError) {
        let opened = try NetlinkSocket(protocol: CInt(PPIOV_NETLINK_NETFILTER))
        var raw = rule.raw(ifindex)
        try opened.request(
            "adding the table \(name) with \(rule) for ifindex \(ifindex)", capacity: 1024,
            build: { ppiov_msg_nft_table($0, $1, $2, name, &raw) }, each: { (_) throws(KernelError) in })
        socket = consume opened
    }

    /// Tests whether the kernel has the rules of ``FilterRule``, with rules that match no packet.
    public static func probe() throws(KernelError) {
        for rule in [FilterRule.queue(0), .log(group: 0), .drop, .write(offset: 8, 64, 6)] {
            try PacketFilter("ppiov-probe", received: UInt32(Int32.max), rule).close()
        }
    }

    /// Deletes the table. A second call does nothing.
    public func close() { socket = nil }
}

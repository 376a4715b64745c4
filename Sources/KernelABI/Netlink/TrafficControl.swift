// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// What tc does with a packet at the ingress hook of an interface.
public enum IngressAction: Sendable, Equatable {
    /// Writes four bytes of the packet, `offset` bytes behind the start of the network header (`act_pedit`). Bits that are set in `keep` stay as
    /// they are. Both are in network order.
    case write(offset: UInt32, keep: UInt32, value: UInt32)
    /// Computes the checksum of the IPv4 header (`act_csum`).
    case sumIPv4Header
    /// Sends a copy to the egress of an interface (`act_mirred`).
    case mirrorToEgress(of: UInt32)
    /// Moves the packet to the ingress of another interface (`act_mirred`); the last action.
    case redirectToIngress(of: UInt32)

    fileprivate var raw: ppiov_tc_action {
        var raw = ppiov_tc_action()
        switch self {
        case .write(let offset, let keep, let value):
            raw.kind = PPIOV_TC_PEDIT
            raw.offset = offset
            withUnsafeMutableBytes(of: &raw.keep) { $0.storeBytes(of: keep.bigEndian, as: UInt32.self) }
            withUnsafeMutableBytes(of: &raw.value) { $0.storeBytes(of: value.bigEndian, as: UInt32.self) }
        case .sumIPv4Header: raw.kind = PPIOV_TC_CSUM_IPV4
        case .mirrorToEgress(let ifindex):
            raw.kind = PPIOV_TC_MIRROR
            raw.ifindex = ifindex
        case .redirectToIngress(let ifindex):
            raw.kind = PPIOV_TC_REDIRECT
            raw.ifindex = ifindex
        }
        return raw
    }
}

/// The qdisc clsact of rtnetlink, in the network namespace of the thread that made the handle. Changes need CAP_NET_ADMIN.
public struct TrafficControl: ~Copyable {
    private let socket: NetlinkSocket

    /// - Throws: the errno of socket(2).
    public init() throws(KernelError) {
        socket = try NetlinkSocket(protocol: CInt(PPIOV_NETLINK_ROUTE))
    }

    /// Tests whether the kernel has the actions of ``IngressAction``.
    ///
    /// - Throws: `EOPNOTSUPP` or `EINVAL` where it does not.
    public static func probe() throws(KernelError) {
        let control = try TrafficControl()
        for kind in ["pedit", "csum", "mirred"] {
            do throws(KernelError) {
                try control.change("finding the tc action \(kind)") { ppiov_msg_action_get($0, $1, $2, kind) }
            } catch {
                // The kernel knows the kind, and has no action of that number.
                guard error.code == ENOENT else { throw error }
            }
        }
    }

    /// Adds the qdisc clsact to an interface.
    ///
    /// - Throws: `EEXIST` where it has one.
    public borrowing func addClsact(to ifindex: UInt32) throws(KernelError) {
        try change("adding clsact to ifindex \(ifindex)") { ppiov_msg_clsact_add($0, $1, $2, ifindex) }
    }

    /// Removes the qdisc and its filters.
    public borrowing func removeClsact(from ifindex: UInt32) throws(KernelError) {
        try change("removing clsact from ifindex \(ifindex)") { ppiov_msg_clsact_delete($0, $1, $2, ifindex) }
    }

    /// Makes tc do the actions, in that order, with every IPv4 packet that the interface receives. The packet continues to its socket, unless the
    /// last action redirects it. Needs the qdisc.
    public borrowing func addFilter(to ifindex: UInt32, _ actions: [IngressAction]) throws(KernelError) {
        let raw = actions.map { $0.raw }
        try change("adding a filter with \(actions) to ifindex \(ifindex)") { ppiov_msg_ingress_add($0, $1, $2, ifindex, raw, raw.count) }
    }

    private borrowing func change(_ operation: String, _ build: NetlinkSocket.Builder) throws(KernelError) {
        try socket.request(operation, build: build, each: { (_) throws(KernelError) in })
    }
}

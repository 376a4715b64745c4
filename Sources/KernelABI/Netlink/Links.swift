// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// A network link in rtnetlink.
public struct Link: Sendable, Hashable {
    /// The interface index.
    public let ifindex: UInt32
    /// The interface name.
    public let name: String
    /// `IFF_*` bits.
    public let flags: UInt32
    /// Bytes.
    public let mtu: UInt32

    /// Whether the link is administratively up.
    public var isUp: Bool { flags & PPIOV_IFF_UP != 0 }

    init(_ raw: ppiov_link) {
        ifindex = raw.ifindex
        name = String(characters: raw.name)
        flags = raw.flags
        mtu = raw.mtu
    }
}

/// rtnetlink: links and their addresses, in the network namespace of the thread that made the handle. Changes need CAP_NET_ADMIN.
public struct Links: ~Copyable {
    private let socket: NetlinkSocket

    /// - Throws: the errno of socket(2).
    public init() throws(KernelError) {
        socket = try NetlinkSocket(protocol: CInt(PPIOV_NETLINK_ROUTE))
    }

    /// Every link of the namespace.
    public borrowing func list() throws(KernelError) -> [Link] {
        let operation = "dump of links"
        return try links(operation) { ppiov_msg_link_dump($0, $1, $2) }
    }

    /// The link of that name.
    ///
    /// - Throws: `ENODEV` where there is none; `EINVAL` where the name has more than 15 bytes.
    public borrowing func link(named name: String) throws(KernelError) -> Link {
        let operation = "finding link \(name)"
        guard let link = try links(operation, { ppiov_msg_link_get($0, $1, $2, name) }).first else {
            throw KernelError(operation, errno: Errno(rawValue: ENODEV))
        }
        return link
    }

    /// The index of the link of that name. Throws as ``link(named:)``.
    public borrowing func ifindex(of name: String) throws(KernelError) -> UInt32 {
        try link(named: name).ifindex
    }

    /// Sets a link up or down. The kernel replies when the driver has opened or closed the device.
    public borrowing func set(_ ifindex: UInt32, up: Bool) throws(KernelError) {
        try change("setting ifindex \(ifindex) \(up ? "up" : "down")") { ppiov_msg_link_up($0, $1, $2, ifindex, up) }
    }

    /// Sets a link's MTU in bytes.
    public borrowing func set(_ ifindex: UInt32, mtu: UInt32) throws(KernelError) {
        try change("setting ifindex \(ifindex) to an MTU of \(mtu)") { ppiov_msg_link_mtu($0, $1, $2, ifindex, mtu) }
    }

    /// Adds an address; an IPv6 address without duplicate address detection. A work item adds its route a moment later
    /// (`addrconf_dad_work()`): until then a connect(2) to it fails with `ENETUNREACH`.
    ///
    /// - Throws: `EEXIST` where the link has it already.
    public borrowing func add(
        _ address: IPAddress, prefixLength: UInt8, to ifindex: UInt32
    ) throws(KernelError) {
        let bytes = address.bytes
        try change("adding \(address)/\(prefixLength) to ifindex \(ifindex)") {
            ppiov_msg_address_add($0, $1, $2, ifindex, bytes, bytes.count, prefixLength)
        }
    }

    /// Moves a link to another network namespace.
    ///
    /// - Parameter namespace: a descriptor of the namespace, from ``NetworkNamespace``.
    public borrowing func move(
        _ ifindex: UInt32, to namespace: borrowing OwnedDescriptor
    ) throws(KernelError) {
        let fd = namespace.rawValue
        try change("moving ifindex \(ifindex) to another namespace") { ppiov_msg_link_netns($0, $1, $2, ifindex, fd) }
    }

    /// Deletes a link; the kernel replies when the device is unregistered.
    public borrowing func delete(_ ifindex: UInt32) throws(KernelError) {
        try change("deleting ifindex \(ifindex)") { ppiov_msg_link_delete($0, $1, $2, ifindex) }
    }

    private borrowing func change(_ operation: String, _ build: NetlinkSocket.Builder) throws(KernelError) {
        try socket.request(operation, build: build, each: { (_) throws(KernelError) in })
    }

    private borrowing func links(
        _ operation: String, _ build: NetlinkSocket.Builder
    ) throws(KernelError) -> [Link] {
        var links: [Link] = []
        try socket.request(operation, build: build) { (message) throws(KernelError) in
            var raw = ppiov_link()
            try check(ppiov_parse_link(message.baseAddress, message.count, &raw), operation)
            links.append(Link(raw))
        }
        return links
    }
}

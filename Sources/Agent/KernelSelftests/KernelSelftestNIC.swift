// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Scenarios
import SystemPackage

/// The interface and the remote end for the kernel's driver selftests (tools/testing/selftests/drivers/net/README.rst): a
/// pair of netdevsim devices, one in a network namespace with a name.
///
/// It has the properties of a NIC: several queues, packets that are received into buffers of the queues' pools, and a remote end whose packets are at
/// most one MTU long, because netdevsim does not segment them.
struct KernelSelftestNIC: ~Copyable {
    private static let local: UInt32 = 10
    private static let remote: UInt32 = 11
    private static let queues = 4
    private static let namespace = "remote"
    private static let names = (local: "nic0", remote: "nic1")

    /// The variables that the tests read.
    static let variables = [
        "NETIF": names.local, "LOCAL_V4": "192.0.2.1", "REMOTE_V4": "192.0.2.2", "LOCAL_V6": "2001:db8:1::1", "REMOTE_V6": "2001:db8:1::2",
        "LOCAL_PREFIX_V6": "2001:db8:2::/64", "REMOTE_TYPE": "netns", "REMOTE_ARGS": namespace,
    ]

    init() throws {
        try ip("netns", "add", Self.namespace)
        let link = try Netdevsim.create(id: Self.local, queues: Self.queues)
        let peer = try Netdevsim.create(id: Self.remote, queues: Self.queues)
        try? KernelFile.write(Netdevsim.port(Self.local, "rx_copy"), "Y")
        try ip("link", "set", link.name, "name", Self.names.local)
        try ip("link", "set", peer.name, "netns", Self.namespace, "name", Self.names.remote)
        try Netdevsim.link(link.ifindex, toPeer: try peerIndex(), ofNamespace: "/run/netns/" + Self.namespace)
        // As on a host with a permanent configuration: tests set interfaces down and up again.
        try KernelFile.write("/proc/sys/net/ipv6/conf/\(Self.names.local)/keep_addr_on_down", "1")
        try ip("addr", "add", "192.0.2.1/24", "dev", Self.names.local)
        try ip("-6", "addr", "add", "2001:db8:1::1/64", "dev", Self.names.local, "nodad")
        try ip("link", "set", "dev", Self.names.local, "up")
        try ip("-n", Self.namespace, "addr", "add", "192.0.2.2/24", "dev", Self.names.remote)
        try ip("-n", Self.namespace, "-6", "addr", "add", "2001:db8:1::2/64", "dev", Self.names.remote, "nodad")
        try ip("-n", Self.namespace, "link", "set", "dev", "lo", "up")
        try ip("-n", Self.namespace, "link", "set", "dev", Self.names.remote, "up")
        try ip("-n", Self.namespace, "-6", "route", "add", "2001:db8:2::/64", "via", "2001:db8:1::1")
        try KernelSelftestRoot.run(["ip", "netns", "exec", Self.namespace, "ethtool", "-K", Self.names.remote, "tso", "off", "gso", "off"])
    }

    /// Removes both ends; returns when the interfaces are unregistered.
    consuming func remove() throws {
        try Netdevsim.remove(id: Self.local)
        try Netdevsim.remove(id: Self.remote)
        try ip("netns", "del", Self.namespace)
    }

    private borrowing func peerIndex() throws -> UInt32 {
        let namespace = open("/run/netns/" + Self.namespace, O_RDONLY | O_CLOEXEC)
        guard namespace >= 0 else { throw KernelError("open of the namespace \(Self.namespace)", errno: Errno(rawValue: errno)) }
        let descriptor = OwnedDescriptor(taking: namespace)
        let found = Result { try NetworkNamespace.run(in: descriptor) { try Links().list() } }
        descriptor.close()
        let links = try found.get()
        guard let link = links.first(where: { $0.name == Self.names.remote }) else {
            throw ScenarioFailure("\(Self.names.remote) is not in its namespace")
        }
        return link.ifindex
    }

    private borrowing func ip(_ words: String...) throws { try KernelSelftestRoot.run(["ip"] + words) }
}

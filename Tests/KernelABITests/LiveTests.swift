// SPDX-License-Identifier: GPL-2.0

import Glibc
import Testing

@testable import KernelABI

/// What the kernel that runs the tests supports. Each condition is tried, and not derived from the kernel's version.
enum Host {
    static let isAdmin = geteuid() == 0 && canMakeNamespace
    static let hasNetdev: Bool = {
        guard let netdev = try? Netdev() else { return false }
        netdev.close()
        return true
    }()
    static let features = try? ZeroCopyReceive.Features.query()
    static let hasRings: Bool = {
        guard let ring = try? ZeroCopyReceive.Ring() else { return false }
        ring.close()
        return true
    }()
    static let hasNoDevice = features?.receive?.noDevice ?? false

    private static let canMakeNamespace: Bool = {
        guard let made = try? NetworkNamespace.make() else { return false }
        made.close()
        return true
    }()
}

/// Netlink against the running kernel.
@Suite(.enabled(if: Host.hasNetdev, "the kernel has no generic netlink family netdev"))
struct LiveNetdevTests {
    @Test func loopback() throws {
        let links = try Links()
        let lo = try links.link(named: "lo")
        #expect(lo.ifindex == 1 && lo.flags & 8 != 0)
        let listed = try links.list()
        #expect(listed.contains { $0.name == "lo" && $0.ifindex == lo.ifindex })
        let netdev = try Netdev()
        #expect(try netdev.device(lo.ifindex).ifindex == lo.ifindex)
        #expect(try netdev.devices().map(\.ifindex).contains(lo.ifindex))
        let queues = try netdev.queues(of: lo.ifindex)
        #expect(queues.allSatisfy { $0.ifindex == lo.ifindex && $0.provider == nil })
        _ = try netdev.napis()
        netdev.close()
    }

    @Test func pagePools() throws {
        let netdev = try Netdev()
        for pool in try netdev.pagePools() {
            #expect(pool.inflightBytes % 4096 == 0)
        }
        let error = #expect(throws: KernelError.self) { try Netdev().pagePool(0x7fff_ffff) }
        #expect(error?.code == ENOENT)
        netdev.close()
    }

    @Test func absentObjects() throws {
        let device = #expect(throws: KernelError.self) { try Netdev().device(0x7fff_fffe) }
        #expect(device?.code == ENODEV && device?.description.contains("dev-get of ifindex 2147483646: ENODEV") == true)
        let napi = #expect(throws: KernelError.self) { try Netdev().napi(0x7fff_fffe) }
        #expect(napi?.code == ENOENT && napi?.badAttributeOffset == 20)
        let link = #expect(throws: KernelError.self) { try Links().link(named: "ppiov-absent") }
        #expect(link?.code == ENODEV)
        let rings = #expect(throws: KernelError.self) { try Ethtool().rings(of: 1) }
        #expect(rings?.code == EOPNOTSUPP)
        let channels = #expect(throws: KernelError.self) { try Ethtool().channels(of: 1) }
        #expect(channels?.code == EOPNOTSUPP)
    }

    @Test(.enabled(if: Host.isAdmin, "bind-rx needs CAP_NET_ADMIN"))
    func bindingToLoopbackIsRefused() throws {
        let error = #expect(throws: KernelError.self) {
            var netdev = try Netdev()
            _ = try netdev.bindRX(ifindex: 1, dmabuf: 0, queues: [0])
        }
        #expect(error?.code == EOPNOTSUPP || error?.code == EINVAL || error?.code == EBADF)
        #expect(error?.operation == "bind-rx of queue 0 on ifindex 1")
    }

    @Test func notifications() throws {
        var netdev = try Netdev()
        do {
            _ = try netdev.nextNotification(timeoutMilliseconds: 0)
            Issue.record("a notification without a subscription")
        } catch {
            #expect(error.code == ENOTCONN)
        }
        try netdev.subscribePagePools()
        try netdev.subscribePagePools()
        let none = try netdev.nextNotification(timeoutMilliseconds: 20)
        #expect(none == nil)
        netdev.close()
    }
}

/// Links, addresses and connections in a new network namespace.
@Suite(.enabled(if: Host.isAdmin, "a network namespace needs CAP_SYS_ADMIN"))
struct LiveNamespaceTests {
    @Test func linksAndConnections() throws {
        let namespace = try NetworkNamespace.make()
        try NetworkNamespace.run(in: namespace) {
            let links = try Links()
            let before = try links.list()
            #expect(before.map(\.name) == ["lo"] && before.allSatisfy { !$0.isUp })
            try links.set(1, up: true)
            try links.set(1, mtu: 9000)
            let lo = try links.link(named: "lo")
            #expect(lo.isUp && lo.mtu == 9000)
            let four = try #require(IPAddress("192.0.2.1"))
            let six = try #require(IPAddress("2001:db8::1"))
            try links.add(four, prefixLength: 24, to: 1)
            try links.add(six, prefixLength: 64, to: 1)
            let again = #expect(throws: KernelError.self) { try Links().add(four, prefixLength: 24, to: 1) }
            #expect(again?.code == EEXIST)
            for address in [four, six] { try exchange(over: address) }
        }
        namespace.close()
    }

    @Test func theThreadReturns() throws {
        let namespace = try NetworkNamespace.make()
        let outside = try identity()
        let inside = try NetworkNamespace.run(in: namespace) { try identity() }
        #expect(inside != outside)
        struct Stop: Error {}
        #expect(throws: Stop.self) { try NetworkNamespace.run(in: namespace) { throw Stop() } }
        #expect(try identity() == outside)
        namespace.close()
    }

    private func identity() throws -> UInt64 {
        let current = try NetworkNamespace.current()
        var status = stat()
        let result = fstat(current.rawValue, &status)
        #expect(result == 0)
        current.close()
        return UInt64(status.st_ino)
    }
}

@Suite struct PacketTruncationTests {
    @Test("truncated packets are retransmitted, and those that follow count as out of order") func truncatedPackets() throws {
        let listener = try TCP.listen(on: Endpoint(.loopback4, port: 0))
        let client = try TCP.connect(to: TCP.localEndpoint(of: listener), timeoutMilliseconds: 2000)
        let server = try TCP.accept(listener, timeoutMilliseconds: 2000)
        try PacketTruncation.begin(server.rawValue, bytes: 1000)
        #expect(try SocketReading.outOfOrderSegments(server.rawValue) == 0)
        let pattern = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try TCP.send(pattern, over: client, timeoutMilliseconds: 20_000)
        try TCP.shutDown(client)
        let limit = ContinuousClock.now + .seconds(20)
        while try SocketReading.outOfOrderSegments(server.rawValue) == 0, ContinuousClock.now < limit { _ = poll(nil, 0, 5) }
        #expect(try SocketReading.outOfOrderSegments(server.rawValue) > 0)
        try PacketTruncation.end(server.rawValue)
        var received: [UInt8] = []
        while case let chunk = try TCP.receive(upTo: 65536, from: server, timeoutMilliseconds: 20_000), !chunk.isEmpty { received += chunk }
        #expect(received == pattern)
        let number = server.rawValue
        let error = #expect(throws: KernelError.self) { try PacketTruncation.end(number) }
        #expect(error?.code == ENOENT)
        client.close()
        server.close()
        listener.close()
    }
}

/// Sends a pattern over a connection to one of this host's addresses.
func exchange(over address: IPAddress) throws {
    let listener = try TCP.listen(on: Endpoint(address, port: 0), device: "lo")
    let endpoint = try TCP.localEndpoint(of: listener)
    #expect(endpoint.address == address && endpoint.port != 0)
    let client = try connectRouted(to: endpoint)
    let server = try TCP.accept(listener, timeoutMilliseconds: 2000)
    try TCP.setNoDelay(client)
    let pattern = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try TCP.send(pattern, over: client, timeoutMilliseconds: 2000)
    try TCP.shutDown(client)
    var received: [UInt8] = []
    while case let chunk = try TCP.receive(upTo: 65536, from: server, timeoutMilliseconds: 2000), !chunk.isEmpty {
        received += chunk
    }
    #expect(received == pattern)
    try TCP.reset(server)
    try TCP.wait(client, for: .reading, timeoutMilliseconds: 2000)
    client.close()
    listener.close()
}

/// Connects. The route of a new IPv6 address is added by a work item of the kernel, so ENETUNREACH is retried.
private func connectRouted(to endpoint: Endpoint) throws(KernelError) -> OwnedDescriptor {
    let limit = ContinuousClock.now + .seconds(20)
    while true {
        do {
            return try TCP.connect(to: endpoint, device: "lo", timeoutMilliseconds: 2000)
        } catch {
            guard error.code == ENETUNREACH, ContinuousClock.now < limit else { throw error }
            _ = poll(nil, 0, 5)
        }
    }
}

struct LiveSocketTests {
    @Test func loopback() throws {
        try exchange(over: .loopback4)
    }

    @Test func limits() throws {
        let listener = try TCP.listen(on: Endpoint(.loopback4, port: 0))
        do {
            try TCP.accept(listener, timeoutMilliseconds: 20).close()
            Issue.record("accepted a connection that was not made")
        } catch {
            #expect(error.code == ETIMEDOUT)
        }
        let endpoint = try TCP.localEndpoint(of: listener)
        let client = try TCP.connect(to: endpoint, timeoutMilliseconds: 2000)
        do {
            _ = try TCP.receive(upTo: 10, from: client, timeoutMilliseconds: 20)
            Issue.record("received bytes that were not sent")
        } catch {
            #expect(error.code == ETIMEDOUT)
        }
        client.close()
        listener.close()
        let refused = #expect(throws: KernelError.self) { try TCP.connect(to: endpoint, timeoutMilliseconds: 2000).close() }
        #expect(refused?.code == ECONNREFUSED)
    }

    @Test func addresses() {
        #expect(IPAddress("192.0.2.7")?.bytes == [192, 0, 2, 7])
        #expect(IPAddress("2001:db8::7").map { "\($0)" } == "2001:db8::7")
        #expect(IPAddress("nonsense") == nil && IPAddress("1.2.3") == nil)
        #expect("\(Endpoint(.loopback6, port: 80))" == "[::1]:80")
    }
}

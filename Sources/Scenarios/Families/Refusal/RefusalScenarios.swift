// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// Bindings that the kernel must refuse, with errno and extack. Each scenario ends with the same request, which the kernel grants after the
/// reason was removed: this proves the reason of the refusal, and exercises the provider.
enum RefusalScenarios {
    static let all: [Scenario] =
        [Provider.zcrx, .devmem].flatMap { provider in
            [
                settings(
                    provider, "data-split-off", "tcp-data-split is off", DeviceRings(tcpDataSplit: .disabled),
                    RefusalExpectation(EINVAL, "tcp-data-split is disabled")),
                settings(
                    provider, "hds-threshold", "hds-thresh is not 0", DeviceRings(hdsThreshold: 1),
                    RefusalExpectation(EINVAL, "hds-thresh is not zero")),
                queueOutOfRange(provider),
                queueSwitchedOff(provider),
                program(provider),
                programSocket(provider),
                programLater(provider),
                boundTwice(provider),
                unprivileged(provider, "unprivileged", "the process has no CAP_NET_ADMIN", .nobody),
                unprivileged(
                    provider, "user-namespace", "the process is root of a user namespace that does not own the interface", .ownNamespace),
            ]
        } + [halfTaken, otherQueue]

    /// `netdev_nl_bind_rx_doit()` binds the queues one after the other: where one is refused, it must unbind those before it at once, and not
    /// when the netlink socket is closed.
    private static let halfTaken = Scenario(
        "refuse.devmem.half-taken", "devmem is refused two queues of which one has a provider, and the other has none afterwards", tier: .netdevsim,
        needs: Provider.devmem.needs, expects: Expectation(provider: .devmem, minimumHolds: 1, pools: ExpectedPools(count: 3, traffic: false))
    ) { run in
        let bed = try run.makeTestBed(queues: 2, queue: 1)
        let first = try DevmemReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 0))
        try run.pools.observe()
        let second = try DevmemBindings(run)
        try run.expectRefusal(EEXIST, "binding both queues") { try second.bind(bed.ifindex, [0, 1]) }
        try bed.expectProviders(run, on: [1], "only the queue of the first provider has one")
        try run.step("free queue bound over the same netlink socket") { try second.bind(bed.ifindex, [0]) }
        try run.userBound()
        try bed.expectProviders(run, on: [0, 1], "each queue has a provider")
        try run.pools.observe()
        try run.step("both unbound") {
            second.unbind()
            first.unbind()
        }
    }

    /// A receive takes only net_iovs of the area of its queue, as the offsets that it delivers are those of that area (`io_zcrx_recv_frag()`).
    private static let otherQueue = Scenario(
        "refuse.zcrx.other-queue", "a receive of one queue is refused payload that another queue received, and leaves it unread", tier: .netdevsim,
        needs: Provider.zcrx.needs,
        expects: Expectation(
            provider: .zcrx, minimumHolds: 2, zeroCopy: true, payload: true, pools: ExpectedPools(count: 2, traffic: true))
    ) { run in
        let bytes: UInt64 = 20_000
        let bed = try run.makeTestBed(queues: 2)
        let pattern = PayloadPattern(seed: 61)
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern)
        let other = try run.step("another zcrx registered on queue 1") {
            try ZeroCopyReceiver(at: .init(ifindex: bed.ifindex, queue: 1), pages: 512, statistics: false, pattern: pattern)
        }
        run.cleanUp("the other zcrx closed") { other.close() }
        try run.userBound()
        let socket = try bed.connect(run)
        try run.step("\(bytes) bytes unread, received by queue 0") {
            try bed.peer.send(pattern, bytes: bytes)
            try socket.waitUnread(Int(bytes), within: run.timeout(10))
        }
        try run.expectRefusal(EFAULT, "a receive of queue 1") {
            try other.receive(from: socket.rawValue, total: bytes, hold: true, within: run.timeout(5))
        }
        try run.step("received by a receive of queue 0, and held") {
            try receiver.receive(from: socket.rawValue, total: bytes, hold: true, within: run.timeout(10))
        }
        try run.userHolds(receiver.heldNetIovs)
        run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
        try run.pools.observe()
        socket.close()
        try run.userEnds()
        try run.step("both rings closed") {
            other.close()
            receiver.close()
        }
    }

    private static func scenario(
        _ provider: Provider, _ name: String, _ summary: String, queues: Int = 1, pools: Int = 1, more: Set<Need> = [],
        _ body: @escaping @Sendable (ScenarioRun, any TestBed) throws -> Void
    ) -> Scenario {
        Scenario(
            "refuse.\(provider.rawValue).\(name)", "\(provider.rawValue) is refused where \(summary)", tier: .netdevsim,
            needs: provider.needs.union(more),
            expects: Expectation(provider: provider, minimumHolds: 1, pools: ExpectedPools(count: pools, traffic: false))
        ) { run in try body(run, try run.makeTestBed(queues: queues)) }
    }

    private static func settings(
        _ provider: Provider, _ name: String, _ summary: String, _ rings: DeviceRings, _ refusal: RefusalExpectation
    ) -> Scenario {
        scenario(provider, name, summary) { run, bed in
            let ethtool = try Ethtool()
            try run.step("settings of the interface changed") { try ethtool.setRings(of: bed.ifindex, to: rings) }
            try run.expectRefused(provider, bed, queue: bed.queue, refusal)
            try run.step("settings of the interface restored") { try bed.splitHeaders() }
            try granted(run, provider, bed)
        }
    }

    private static func queueOutOfRange(_ provider: Provider) -> Scenario {
        scenario(provider, "queue-range", "the interface has no such queue") { run, bed in
            // netdev_nl_read_rxq_bitmap() refuses bind-rx, netif_mp_open_rxq() refuses zcrx. The interface has one queue, number 0.
            for queue: UInt32 in [1, 9] {
                try run.expectRefused(provider, bed, queue: queue, RefusalExpectation(provider == .devmem ? EINVAL : ERANGE))
            }
            try granted(run, provider, bed)
        }
    }

    /// A queue of the device that its current number of channels does not include (`ethtool -L`).
    private static func queueSwitchedOff(_ provider: Provider) -> Scenario {
        scenario(provider, "queue-off", "the queue is not in use", queues: 2) { run, bed in
            let ethtool = try Ethtool()
            try run.step("number of channels set from two to one") { try ethtool.setChannels(of: bed.ifindex, to: DeviceChannels(combined: 1)) }
            try run.expectRefused(provider, bed, queue: 1, RefusalExpectation(provider == .devmem ? EINVAL : ERANGE))
            try granted(run, provider, bed)
        }
    }

    /// A descriptor that closes once.
    private final class ClosingDescriptor {
        private var descriptor: OwnedDescriptor?

        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = consume descriptor }

        func close() { descriptor.take()?.close() }

        deinit { close() }
    }

    /// An XDP program needs readable payload.
    private static func program(_ provider: Provider) -> Scenario {
        scenario(provider, "xdp", "an XDP program is attached", more: [.removableInterface, .xdp]) { run, bed in
            // The kernel would copy a packet for the program into another page pool, which it never releases.
            try run.step("interface down") { try bed.setUp(false) }
            for mode in XDP.Mode.allCases {
                let link = try run.step("XDP program attached (\(mode.rawValue))") {
                    ClosingDescriptor(try XDP.attach(ifindex: bed.ifindex, mode: mode))
                }
                run.cleanUp("XDP program detached (\(mode.rawValue))") { link.close() }
                try run.expectRefused(
                    provider, bed, queue: bed.queue,
                    RefusalExpectation(EEXIST, "unable to custom memory provider to device with XDP program attached"))
                try run.step("XDP program detached") { link.close() }
            }
            try run.step("interface up") { try bed.setUp(true) }
            try granted(run, provider, bed)
        }
    }

    private static func programSocket(_ provider: Provider) -> Scenario {
        scenario(provider, "xdp-socket", "an AF_XDP socket uses the queue", more: [.removableInterface, .xdp]) { run, bed in
            let memory = try AreaMemory(pages: 64)
            let socket = try run.step("AF_XDP socket opened") {
                ClosingDescriptor(try XDP.socket(ifindex: bed.ifindex, queue: bed.queue, address: memory.registration.address, count: memory.count))
            }
            run.cleanUp("AF_XDP socket closed") {
                socket.close()
                memory.close()
            }
            try run.expectRefused(provider, bed, queue: bed.queue, RefusalExpectation(EBUSY, "designated queue already in use by AF_XDP"))
            let streams = try run.step("AF_XDP socket closed, and the queue bound after the kernel has released its memory in a work queue") {
                socket.close()
                return try Polling.value(within: run.timeout(10), orFail: "the queue is still in use by AF_XDP", pause: 10) {
                    do {
                        return try provider.bindOnce(run, bed: bed)
                    } catch let error as KernelError where error.code == EBUSY {
                        return nil
                    }
                }
            }
            try run.userBound()
            try run.pools.observe()
            try run.step("provider ended") { streams.end() }
        }
    }

    /// While one queue has a provider, the kernel attaches no XDP program to the interface (`dev_xdp_install()`).
    private static func programLater(_ provider: Provider) -> Scenario {
        Scenario(
            "refuse.\(provider.rawValue).xdp-later",
            "an XDP program is refused while \(provider.rawValue) is bound to the first of two queues, and granted afterwards",
            tier: .netdevsim, needs: provider.needs.union([.removableInterface, .xdp]),
            expects: Expectation(provider: provider, minimumHolds: 1, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try run.makeTestBed(queues: 2)
            let streams = try provider.makeStreams(run, bed: bed)
            try run.pools.observe()
            for mode in XDP.Mode.allCases {
                try run.expectRefusal(EBUSY, "attaching an XDP program (\(mode.rawValue))") {
                    try XDP.attach(ifindex: bed.ifindex, mode: mode).close()
                }
            }
            try run.step("provider ended") { streams.end() }
            try bed.waitUnbound(within: run.timeout(10))
            try run.step("interface down") { try bed.setUp(false) }
            for mode in XDP.Mode.allCases {
                try run.step("XDP program attached and detached (\(mode.rawValue))") { try XDP.attach(ifindex: bed.ifindex, mode: mode).close() }
            }
        }
    }

    private static func boundTwice(_ provider: Provider) -> Scenario {
        scenario(provider, "bound-twice", "the queue has a provider", pools: 2) { run, bed in
            let first = try provider.makeReceiver(run, bed: bed, pattern: PayloadPattern(seed: 0))
            try run.expectRefused(
                provider, bed, queue: bed.queue, RefusalExpectation(EEXIST, "designated queue already memory provider bound"))
            try run.step("first provider ended") { first.end() }
            try run.expectFreeQueue(of: provider)
            try granted(run, provider, bed)
        }
    }

    private static func unprivileged(_ provider: Provider, _ name: String, _ summary: String, _ privilege: Privilege) -> Scenario {
        scenario(provider, name, summary) { run, bed in
            let worker = try run.step("unprivileged process started") {
                try run.environment.startWorker(["refuse", provider.rawValue, String(bed.ifindex), String(bed.queue), privilege.rawValue])
            }
            let answer = try worker.perform("try", within: run.timeout(10))
            try run.expect(answer == "EPERM", "its binding is refused: EPERM", "the result is \(answer)")
            try granted(run, provider, bed)
        }
    }

    private static func granted(_ run: ScenarioRun, _ provider: Provider, _ bed: any TestBed) throws {
        let receiver = try provider.makeReceiver(run, bed: bed, pattern: PayloadPattern(seed: 0))
        try run.pools.observe()
        try run.step("provider ended") { receiver.end() }
    }
}

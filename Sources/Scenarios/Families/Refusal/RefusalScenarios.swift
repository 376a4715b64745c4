// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// What must be refused, by the errno and the words that the kernel has for it. A refusal counts only where the same request
/// is granted once its reason is gone, so each ends by binding; that also exercises the provider.
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
                unprivileged(provider, "unprivileged", "the process may not administer the network", .nobody),
                unprivileged(
                    provider, "user-namespace", "the process is root of a user namespace of its own, and the interface is not in it", .ownNamespace),
            ]
        } + [halfTaken, otherQueue]

    /// `netdev_nl_bind_rx_doit()` binds the queues one after the other: those before the one that is refused must be unbound then, not
    /// when the netlink socket is closed.
    private static let halfTaken = Scenario(
        "refuse.devmem.half-taken", "devmem is refused two queues of which one has a provider, and the other is left without", tier: .netdevsim,
        needs: Provider.devmem.needs, expects: Expectation(provider: .devmem, minimumHolds: 1, pools: ExpectedPools(count: 3, traffic: false))
    ) { run in
        let bed = try run.makeTestBed(queues: 2, queue: 1)
        let first = try DevmemReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 0))
        try run.pools.observe()
        let second = try DevmemBindings(run)
        do {
            try second.bind(bed.ifindex, [0, 1])
            throw ScenarioFailure("both queues were bound, though one has a provider")
        } catch let error as KernelError {
            try run.expect(error.code == EEXIST, "both refused with EEXIST", "\(error)")
        }
        try bed.expectProviders(run, on: [1], "no queue but the first provider's has one")
        try run.step("then the free one bound over the same netlink socket") { try second.bind(bed.ifindex, [0]) }
        try run.userBound()
        try bed.expectProviders(run, on: [0, 1], "each queue has its own")
        try run.pools.observe()
        try run.step("both unbound") {
            second.unbind()
            first.unbind()
        }
    }

    /// A receive takes net_iovs of its own queue's area only: the offsets that it tells mean nothing elsewhere (`io_zcrx_recv_frag()`).
    private static let otherQueue = Scenario(
        "refuse.zcrx.other-queue", "a receive by one queue is refused what came in by another, and leaves it there", tier: .netdevsim,
        needs: Provider.zcrx.needs,
        expects: Expectation(
            provider: .zcrx, minimumHolds: 2, zeroCopy: true, payload: true, pools: ExpectedPools(count: 2, traffic: true))
    ) { run in
        let bytes: UInt64 = 20_000
        let bed = try run.makeTestBed(queues: 2)
        let pattern = PayloadPattern(seed: 61)
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern)
        let other = try run.step("zcrx registered on queue 1, too") {
            try ZeroCopyReceiver(at: .init(ifindex: bed.ifindex, queue: 1), pages: 512, statistics: false, pattern: pattern)
        }
        run.cleanUp("the other zcrx closed") { other.close() }
        try run.userBound()
        let socket = try bed.connect(run)
        try run.step("\(bytes) bytes unread, which came by queue 0") {
            try bed.peer.send(pattern, bytes: bytes)
            try socket.waitUnread(Int(bytes), within: run.timeout(10))
        }
        var answer = "\(bytes) bytes"
        do {
            try other.receive(from: socket.rawValue, total: bytes, hold: true, within: run.timeout(5))
        } catch let error as KernelError {
            answer = error.codeName
        }
        try run.expect(answer == "EFAULT", "a receive by queue 1 refused with EFAULT", "the answer was \(answer)")
        try run.step("received by queue 0 and kept") {
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
            try run.step("the interface set so") { try ethtool.setRings(of: bed.ifindex, to: rings) }
            try run.expectRefused(provider, bed, queue: bed.queue, refusal)
            try run.step("the interface set back") { try bed.splitHeaders() }
            try granted(run, provider, bed)
        }
    }

    private static func queueOutOfRange(_ provider: Provider) -> Scenario {
        scenario(provider, "queue-range", "the interface has no such queue") { run, bed in
            // netdev_nl_read_rxq_bitmap() answers bind-rx, netif_mp_open_rxq() answers zcrx. The bed has one queue: 1 is the first that
            // is not there, 9 one far away.
            for queue: UInt32 in [1, 9] {
                try run.expectRefused(provider, bed, queue: queue, RefusalExpectation(provider == .devmem ? EINVAL : ERANGE))
            }
            try granted(run, provider, bed)
        }
    }

    /// A queue that the device has, and that its channels leave out now (`ethtool -L`).
    private static func queueSwitchedOff(_ provider: Provider) -> Scenario {
        scenario(provider, "queue-off", "the queue is switched off", queues: 2) { run, bed in
            let ethtool = try Ethtool()
            try run.step("one channel of two left") { try ethtool.setChannels(of: bed.ifindex, to: DeviceChannels(combined: 1)) }
            try run.expectRefused(provider, bed, queue: 1, RefusalExpectation(provider == .devmem ? EINVAL : ERANGE))
            try granted(run, provider, bed)
        }
    }

    /// A descriptor that is closed once.
    private final class Held {
        private var descriptor: OwnedDescriptor?

        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = consume descriptor }

        func close() { descriptor.take()?.close() }

        deinit { close() }
    }

    /// An XDP program wants to read what comes, and cannot.
    private static func program(_ provider: Provider) -> Scenario {
        scenario(provider, "xdp", "an XDP program is attached", more: [.removableInterface, .xdp]) { run, bed in
            // A packet that met the program would be copied into a page pool that the kernel has for that, and keeps.
            try run.step("interface down") { try bed.setUp(false) }
            for mode in XDP.Mode.allCases {
                let link = try run.step("XDP program attached (\(mode.rawValue))") { Held(try XDP.attach(ifindex: bed.ifindex, mode: mode)) }
                run.cleanUp("XDP program taken off (\(mode.rawValue))") { link.close() }
                try run.expectRefused(
                    provider, bed, queue: bed.queue,
                    RefusalExpectation(EEXIST, "unable to custom memory provider to device with XDP program attached"))
                try run.step("XDP program taken off") { link.close() }
            }
            try run.step("interface up") { try bed.setUp(true) }
            try granted(run, provider, bed)
        }
    }

    private static func programSocket(_ provider: Provider) -> Scenario {
        scenario(provider, "xdp-socket", "an AF_XDP socket has the queue", more: [.removableInterface, .xdp]) { run, bed in
            let memory = try AreaMemory(pages: 64)
            let socket = try run.step("AF_XDP socket opened") {
                Held(try XDP.socket(ifindex: bed.ifindex, queue: bed.queue, address: memory.registration.address, count: memory.count))
            }
            run.cleanUp("AF_XDP socket closed") {
                socket.close()
                memory.close()
            }
            try run.expectRefused(provider, bed, queue: bed.queue, RefusalExpectation(EBUSY, "designated queue already in use by AF_XDP"))
            let streams = try run.step("AF_XDP socket closed; the provider has the queue when its memory has been given up in the background") {
                socket.close()
                let deadline = Deadline(seconds: run.timeout(10))
                while true {
                    do {
                        return try provider.bindOnce(run, bed: bed)
                    } catch let error as KernelError {
                        guard error.code == EBUSY, !deadline.hasPassed else { throw error }
                        _ = try run.pools.wait(within: 0.01) { _ in false }
                    }
                }
            }
            try run.userBound()
            try run.pools.observe()
            try run.step("provider ended") { streams.end() }
        }
    }

    /// The other way round: who has a queue keeps programs off the whole interface (`dev_xdp_install()`).
    private static func programLater(_ provider: Provider) -> Scenario {
        Scenario(
            "refuse.\(provider.rawValue).xdp-later",
            "an XDP program is refused where \(provider.rawValue) has the first of two queues, and taken Netdevsim.ringTurnover",
            tier: .netdevsim, needs: provider.needs.union([.removableInterface, .xdp]),
            expects: Expectation(provider: provider, minimumHolds: 1, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try run.makeTestBed(queues: 2)
            let streams = try provider.makeStreams(run, bed: bed)
            try run.pools.observe()
            for mode in XDP.Mode.allCases {
                var answer = "granted"
                do throws(KernelError) {
                    try XDP.attach(ifindex: bed.ifindex, mode: mode).close()
                } catch {
                    answer = error.codeName
                }
                try run.expect(answer == "EBUSY", "an XDP program (\(mode.rawValue)) refused with EBUSY", "the answer was \(answer)")
            }
            try run.step("provider ended") { streams.end() }
            try bed.waitUnbound(within: run.timeout(10))
            try run.step("interface down") { try bed.setUp(false) }
            for mode in XDP.Mode.allCases {
                try run.step("then it is attached and taken off (\(mode.rawValue))") { try XDP.attach(ifindex: bed.ifindex, mode: mode).close() }
            }
        }
    }

    private static func boundTwice(_ provider: Provider) -> Scenario {
        scenario(provider, "bound-twice", "the queue has a provider", pools: 2) { run, bed in
            let refusal = RefusalExpectation(EEXIST, "designated queue already memory provider bound")
            if provider == .zcrx {
                let first = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 0))
                try run.expectRefused(provider, bed, queue: bed.queue, refusal)
                try run.step("first ring closed") { first.close() }
            } else {
                let first = try DevmemReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 0))
                try run.expectRefused(provider, bed, queue: bed.queue, refusal)
                try run.step("first unbound") { first.unbind() }
            }
            // The end of a ring is asynchronous: wait for the queue to be free, with a bound.
            let free = try run.pools.wait(within: run.timeout(10)) { records in !records.contains { $0.provider == provider && !$0.detached } }
            try run.expect(free, "the queue is free again", "it is still bound")
            try granted(run, provider, bed)
        }
    }

    private static func unprivileged(_ provider: Provider, _ name: String, _ summary: String, _ privilege: Privilege) -> Scenario {
        scenario(provider, name, summary) { run, bed in
            let worker = try run.step("such a process started") {
                try run.environment.startWorker(["refuse", provider.rawValue, String(bed.ifindex), String(bed.queue), privilege.rawValue])
            }
            let answer = try worker.ask("try", within: run.timeout(10))
            try run.expect(answer == "EPERM", "refused with EPERM", "the answer was \(answer)")
            try granted(run, provider, bed)
        }
    }

    private static func granted(_ run: ScenarioRun, _ provider: Provider, _ bed: any TestBed) throws {
        if provider == .zcrx {
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 0))
            try run.pools.observe()
            try run.step("ring closed") { receiver.close() }
        } else {
            let receiver = try DevmemReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 0))
            try run.pools.observe()
            try run.step("unbound") { receiver.unbind() }
        }
    }
}

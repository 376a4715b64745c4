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
                    Refusal(EINVAL, "tcp-data-split is disabled")),
                settings(
                    provider, "hds-threshold", "hds-thresh is not 0", DeviceRings(hdsThreshold: 1), Refusal(EINVAL, "hds-thresh is not zero")),
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
        needs: DevmemScenarios.needs, expects: Expectation(provider: .devmem, minimumHolds: 1, pools: ExpectedPools(count: 3, traffic: false))
    ) { run in
        let bed = try TestBed.make(run, queues: 2, queue: 1)
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
        needs: ZeroCopyScenarios.needs,
        expects: Expectation(
            provider: .zcrx, minimumHolds: 2, zeroCopy: true, payload: true, pools: ExpectedPools(count: 2, traffic: true))
    ) { run in
        let bytes: UInt64 = 20_000
        let bed = try TestBed.make(run, queues: 2)
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
            try socket.waitUnread(Int(bytes), within: run.patience(10))
        }
        var answer = "\(bytes) bytes"
        do {
            try other.receive(from: socket.rawValue, total: bytes, keep: true, within: run.patience(5))
        } catch let error as KernelError {
            answer = error.codeName
        }
        try run.expect(answer == "EFAULT", "a receive by queue 1 refused with EFAULT", "the answer was \(answer)")
        try run.step("received by queue 0 and kept") {
            try receiver.receive(from: socket.rawValue, total: bytes, keep: true, within: run.patience(10))
        }
        try run.userHolds(receiver.heldNetIovs)
        run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.patience(10)), complete: true)
        try run.pools.observe()
        socket.close()
        try run.userEnds()
        try run.step("both rings closed") {
            other.close()
            receiver.close()
        }
    }

    /// The answer that is expected.
    struct Refusal {
        var errno: CInt
        /// Words of the extack, which devmem gets and zcrx does not.
        var message: String?

        init(_ errno: CInt, _ message: String? = nil) {
            self.errno = errno
            self.message = message
        }
    }

    private static func scenario(
        _ provider: Provider, _ name: String, _ summary: String, queues: Int = 1, pools: Int = 1, more: Set<Need> = [],
        _ body: @escaping @Sendable (ScenarioRun, TestBed) throws -> Void
    ) -> Scenario {
        Scenario(
            "refuse.\(provider.rawValue).\(name)", "\(provider.rawValue) is refused where \(summary)", tier: .netdevsim,
            needs: (provider == .zcrx ? ZeroCopyScenarios.needs : DevmemScenarios.needs).union(more),
            expects: Expectation(provider: provider, minimumHolds: 1, pools: ExpectedPools(count: pools, traffic: false))
        ) { run in try body(run, try TestBed.make(run, queues: queues)) }
    }

    private static func settings(
        _ provider: Provider, _ name: String, _ summary: String, _ rings: DeviceRings, _ refusal: Refusal
    ) -> Scenario {
        scenario(provider, name, summary) { run, bed in
            let ethtool = try Ethtool()
            try run.step("the interface set so") { try ethtool.setRings(of: bed.ifindex, to: rings) }
            try refused(run, provider, bed, queue: bed.queue, refusal)
            try run.step("the interface set back") { try bed.splitHeaders() }
            try granted(run, provider, bed)
        }
    }

    private static func queueOutOfRange(_ provider: Provider) -> Scenario {
        scenario(provider, "queue-range", "the interface has no such queue") { run, bed in
            // netdev_nl_read_rxq_bitmap() answers bind-rx, netif_mp_open_rxq() answers zcrx. The bed has one queue: 1 is the first that
            // is not there, 9 one far away.
            for queue: UInt32 in [1, 9] { try refused(run, provider, bed, queue: queue, Refusal(provider == .devmem ? EINVAL : ERANGE)) }
            try granted(run, provider, bed)
        }
    }

    /// A queue that the device has, and that its channels leave out now (`ethtool -L`).
    private static func queueSwitchedOff(_ provider: Provider) -> Scenario {
        scenario(provider, "queue-off", "the queue is switched off", queues: 2) { run, bed in
            let ethtool = try Ethtool()
            try run.step("one channel of two left") { try ethtool.setChannels(of: bed.ifindex, to: DeviceChannels(combined: 1)) }
            try refused(run, provider, bed, queue: 1, Refusal(provider == .devmem ? EINVAL : ERANGE))
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
                try refused(
                    run, provider, bed, queue: bed.queue,
                    Refusal(EEXIST, "unable to custom memory provider to device with XDP program attached"))
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
            try refused(run, provider, bed, queue: bed.queue, Refusal(EBUSY, "designated queue already in use by AF_XDP"))
            let streams = try run.step("AF_XDP socket closed; the provider has the queue when its memory has been given up in the background") {
                socket.close()
                let end = MonotonicClock.now + UInt64(run.patience(10) * 1e9)
                while true {
                    do {
                        return try RebindScenarios.bindOnce(run, provider, bed)
                    } catch let error as KernelError {
                        guard error.code == EBUSY, MonotonicClock.now < end else { throw error }
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
            "an XDP program is refused where \(provider.rawValue) has the first of two queues, and taken afterwards",
            tier: .netdevsim, needs: (provider == .zcrx ? ZeroCopyScenarios.needs : DevmemScenarios.needs).union([.removableInterface, .xdp]),
            expects: Expectation(provider: provider, minimumHolds: 1, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try TestBed.make(run, queues: 2)
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
            try bed.waitUnbound(within: run.patience(10))
            try run.step("interface down") { try bed.setUp(false) }
            for mode in XDP.Mode.allCases {
                try run.step("then it is attached and taken off (\(mode.rawValue))") { try XDP.attach(ifindex: bed.ifindex, mode: mode).close() }
            }
        }
    }

    private static func boundTwice(_ provider: Provider) -> Scenario {
        scenario(provider, "bound-twice", "the queue has a provider", pools: 2) { run, bed in
            let refusal = Refusal(EEXIST, "designated queue already memory provider bound")
            if provider == .zcrx {
                let first = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 0))
                try refused(run, provider, bed, queue: bed.queue, refusal)
                try run.step("first ring closed") { first.close() }
            } else {
                let first = try DevmemReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 0))
                try refused(run, provider, bed, queue: bed.queue, refusal)
                try run.step("first unbound") { first.unbind() }
            }
            // The end of a ring is asynchronous: wait for the queue to be free, with a bound.
            let free = try run.pools.wait(within: run.patience(10)) { records in !records.contains { $0.provider == provider && !$0.detached } }
            try run.expect(free, "the queue is free again", "it is still bound")
            try granted(run, provider, bed)
        }
    }

    /// What a process is before it asks.
    enum Standing: String {
        /// No capability at all.
        case nobody
        /// Every capability, in a user namespace that owns nothing.
        case ownNamespace = "own-namespace"

        func take() throws {
            switch self {
            case .nobody:
                // No capability is left after the change of the user id.
                guard setgid(65534) == 0, setuid(65534) == 0 else { throw ScenarioFailure("giving up root failed with errno \(errno)") }
            case .ownNamespace: try UserNamespace.enterNew()
            }
        }
    }

    private static func unprivileged(_ provider: Provider, _ name: String, _ summary: String, _ standing: Standing) -> Scenario {
        scenario(provider, name, summary) { run, bed in
            let worker = try run.step("such a process started") {
                try run.environment.startWorker(["refuse", provider.rawValue, String(bed.ifindex), String(bed.queue), standing.rawValue])
            }
            let answer = try worker.ask("try", within: run.patience(10))
            try run.expect(answer == "EPERM", "refused with EPERM", "the answer was \(answer)")
            try granted(run, provider, bed)
        }
    }

    static func refused(_ run: ScenarioRun, _ provider: Provider, _ bed: TestBed, queue: UInt32, _ refusal: Refusal) throws {
        let before = try run.pools.observe()
        let error = attempt(provider, ifindex: bed.ifindex, queue: queue)
        let name = KernelError("", errno: .init(rawValue: refusal.errno)).codeName
        try run.expect(error?.code == refusal.errno, "refused with \(name)", error.map { "\($0)" } ?? "it was granted")
        if provider == .devmem, let message = refusal.message {
            try run.expect(error?.message == message, "the kernel says \"\(message)\"", "it says \"\(error?.message ?? "nothing")\"")
        }
        let after = try run.pools.observe()
        try run.expect(
            after.map { $0.id } == before.map { $0.id }, "the refusal left the pools as they were", "\(before) became \(after)")
    }

    private static func granted(_ run: ScenarioRun, _ provider: Provider, _ bed: TestBed) throws {
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

    /// Binds and, should that work, unbinds.
    ///
    /// - Parameter prepared: done when there is nothing left to do but ask.
    /// - Returns: the refusal; nil where it was granted.
    static func attempt(_ provider: Provider, ifindex: UInt32, queue: UInt32, prepared: () throws -> Void = {}) -> KernelError? {
        do {
            if provider == .zcrx {
                try prepared()
                let place = ZeroCopyReceiver.Place(ifindex: ifindex, queue: queue)
                try ZeroCopyReceiver(at: place, pages: 64, statistics: false, pattern: PayloadPattern(seed: 0)).close()
            } else {
                let memory = try UserDMABuf(size: 64 * MappedMemory.pageSize)
                var netdev = try Netdev()
                let outcome = Result {
                    try prepared()
                    return try netdev.bindRX(ifindex: ifindex, dmabuf: memory.rawValue, queues: [queue])
                }
                netdev.close()
                memory.close()
                _ = try outcome.get()
            }
            return nil
        } catch let error as KernelError {
            return error
        } catch {
            return KernelError("\(error)", errno: .init(rawValue: EIO))
        }
    }
}

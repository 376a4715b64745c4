// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// A bound queue that is restarted, reconfigured and taken down under its provider, and what of that the kernel must refuse.
enum RestartScenarios {
    /// netdevsim's orders of restarting a queue (`nsim_qreset_write`).
    private static let modes = 0...3

    static let all: [Scenario] =
        Provider.ofNetIovs.flatMap { provider in
            modes.map { underTraffic(provider, mode: $0, times: 3) } + modes.map { underTraffic(provider, mode: $0, times: 25, thorough: true) } + [
                held(provider), unread(provider), down(provider), downUp(provider), rings(provider), channels(provider),
                lastQueue(provider), many(provider),
            ]
        } + [copies]

    private static func scenario(
        _ provider: Provider, _ name: String, _ summary: String, detached: Bool = false, payload: Bool = true, copies: Bool = false,
        pools: ExpectedPools, needs: Set<Need> = [.queueReset], thorough: Bool = false, _ body: @escaping @Sendable (ScenarioRun) throws -> Void
    ) -> Scenario {
        Scenario(
            "restart.\(provider.rawValue).\(name)", "\(provider.rawValue): \(summary)", tier: .netdevsim, needs: provider.needs.union(needs),
            expects: Expectation(
                provider: provider, minimumHolds: 256, zeroCopy: payload && !copies, detachedPool: detached, payload: payload, pools: pools),
            thorough: thorough, body)
    }

    /// A provider, a connection, and payload through them.
    struct Course {
        let bed: TestBed
        let streams: Streams
        let socket: Connection
        let stream: Int
        let pattern: PayloadPattern

        init(_ run: ScenarioRun, _ provider: Provider, queues: Int = 1, pages: Int = 512) throws {
            bed = try TestBed.make(run, queues: queues)
            streams = try provider.makeStreams(run, bed: bed, pages: pages)
            socket = try bed.connect(run, 0)
            pattern = PayloadPattern(seed: 800)
            stream = streams.add(socket, pattern)
        }

        /// Moves the next `bytes` from the peer to the reader.
        func move(_ run: ScenarioRun, _ bytes: UInt64, keep: Bool = false) throws {
            let start = streams.received(stream)
            try bed.peer.write(0, pattern, from: start, bytes: bytes, sizes: [4096])
            try streams.receive([stream: start + bytes], keep: keep, within: run.patience(20))
            _ = try bed.peer.written(0, within: run.patience(10))
        }

        func end(_ run: ScenarioRun) throws {
            run.payload = try streams.payload(sent: streams.received(stream))
            try run.pools.observe()
            socket.close()
            try run.step("provider ended") { streams.end() }
        }
    }

    /// Another thread restarts the queue while this one receives a stream that never pauses.
    private static func underTraffic(_ provider: Provider, mode: Int, times: Int, thorough: Bool = false) -> Scenario {
        scenario(
            provider, thorough ? "mode-\(mode)-often" : "mode-\(mode)", "\(times) restarts in mode \(mode) while traffic runs",
            pools: ExpectedPools(count: 1 + times, fewest: 1 + times / 2, traffic: true), thorough: thorough
        ) { run in
            let portion: UInt64 = 100_000
            let course = try Course(run, provider)
            // Else all buffers lie in the socket, and the restarted queue starts with none.
            try course.socket.limitUnread(131_072)
            let total = portion * UInt64(times + 2)
            try course.bed.peer.write(0, course.pattern, bytes: total, sizes: [4096])
            let restarts = try BackgroundRestarts(times, reset: { [reset = try course.bed.queueReset()] in try reset(mode) })
            // Whatever fails, the thread ends before the interface does.
            run.cleanUp("restarting thread ended") { restarts.abandon() }
            for turn in 1...(times + 2) {
                try run.step("portion \(turn) of \(portion) bytes received\(turn <= times ? ", and the queue restarted during the next" : "")") {
                    try course.streams.receive([course.stream: portion * UInt64(turn)], within: run.patience(20))
                }
                if turn <= times { try restarts.allowOne() }
            }
            try run.step("\(times) restarts done") { try restarts.join() }
            _ = try course.bed.peer.written(0, within: run.patience(10))
            try course.end(run)
        }
    }

    private static func held(_ provider: Provider) -> Scenario {
        scenario(
            provider, "held", "restarted while the user holds buffers, which go home later", detached: true,
            pools: ExpectedPools(count: 3, traffic: true)
        ) { run in
            let course = try Course(run, provider)
            try run.step("100000 bytes received and kept") { try course.move(run, 100_000, keep: true) }
            let out = course.streams.heldNetIovs
            try run.userHolds(out)
            try run.step("queue restarted") { try course.bed.resetQueue(mode: 0) }
            try TrafficScenarios.count(run, provider, out, "the old pool is detached, with the \(out) net_iovs that the user holds")
            try run.step("100000 more received and returned") { try course.move(run, 100_000) }
            try run.step("queue restarted again") { try course.bed.resetQueue(mode: 2) }
            try run.step("100000 more received and returned") { try course.move(run, 100_000) }
            try TrafficScenarios.giveBackHeld(run, course.streams)
            try TrafficScenarios.count(run, provider, 0, "no detached pool has any out")
            try course.end(run)
        }
    }

    /// More detached pools than a message of a dump has room for (`netdev_nl_page_pool_get_dump()`).
    private static func many(_ provider: Provider) -> Scenario {
        let (times, pages) = (60, 1024)
        return scenario(
            provider, "many", "\(times) restarts, each with buffers of its pool held: every pool is told of, and goes", detached: true,
            pools: ExpectedPools(count: times + 1, buffers: UInt64(pages), traffic: true)
        ) { run in
            let course = try Course(run, provider, pages: pages)
            try run.step("\(times) times bytes received and kept, and the queue restarted") {
                for turn in 0..<times {
                    try course.move(run, 3000, keep: true)
                    try course.bed.resetQueue(mode: turn % modes.count)
                }
            }
            try run.userHolds(course.streams.heldNetIovs)
            // With room for a page at a time the dump takes several messages.
            let netdev = try Netdev(receiveBufferSize: MappedMemory.pageSize)
            let answer = Result { try netdev.pagePools() }
            netdev.close()
            let told = try answer.get().filter { $0.provider != nil }.map { $0.id }
            try run.expect(
                told.count == times + 1 && Set(told).count == told.count, "\(times + 1) pools are told of, each once",
                "\(told.count) are, \(Set(told).count) different ones")
            try run.pools.observe()
            try TrafficScenarios.giveBackHeld(run, course.streams)
            try TrafficScenarios.count(run, provider, 0, "no detached pool has any out")
            try course.end(run)
        }
    }

    /// A net_iov that a pool had is free again when the pool has gone, and is copied into without a pool: it must not go back to that one.
    private static let copies = scenario(
        .zcrx, "copies", "loopback payload copied into net_iovs whose pool has gone", detached: true, copies: true,
        pools: ExpectedPools(count: 2, traffic: true)
    ) { run in
        // More than there are net_iovs: each that is lost on its way home is missed.
        let (round, rounds) = (65_536, 36)
        let course = try Course(run, .zcrx)
        let wire = try Loopback(run, pattern: PayloadPattern(seed: 811))
        let local = course.streams.add(wire.receiver, PayloadPattern(seed: 811))
        // The area hands out last what came home first, so these are the next to be copied into.
        try run.step("800000 bytes received and kept") { try course.move(run, 800_000, keep: true) }
        try run.userHolds(course.streams.heldNetIovs)
        try run.step("queue restarted") { try course.bed.resetQueue(mode: 1) }
        try ZeroCopyScenarios.seeDetached(run, .zcrx)
        try run.userHolds(0)
        try run.step("given back") {
            try course.streams.giveBack()
            try course.streams.settle()
        }
        try TrafficScenarios.count(run, .zcrx, 0, "the old pool has gone")
        try run.step("\(rounds) times \(round) bytes over loopback copied, received and returned") {
            for _ in 0..<rounds {
                try wire.send(round, within: run.patience(10))
                try course.streams.receive([local: wire.sent], within: run.patience(10))
                try course.streams.settle()
            }
        }
        try run.step("100000 more received over the queue and returned") { try course.move(run, 100_000) }
        let payload = try course.streams.payload(sent: course.streams.received(course.stream) + wire.sent)
        try run.expect(payload.copied == wire.sent, "the kernel copied what came over loopback and no more", "it says \(payload.copied)")
        run.payload = payload
        try run.pools.observe()
        wire.receiver.close()
        course.socket.close()
        try run.step("ring closed") { course.streams.end() }
    }

    private static func unread(_ provider: Provider) -> Scenario {
        scenario(
            provider, "unread", "restarted with data unread in the socket, which is read afterwards", detached: true,
            pools: ExpectedPools(count: 2, traffic: true)
        ) { run in
            let bytes = 32_768
            let course = try Course(run, provider)
            try run.step("\(bytes) bytes unread in the socket") {
                try course.bed.peer.write(0, course.pattern, bytes: UInt64(bytes), sizes: [4096])
                try course.socket.waitUnread(bytes, within: run.patience(10))
                _ = try course.bed.peer.written(0, within: run.patience(10))
            }
            try run.step("queue restarted") { try course.bed.resetQueue(mode: 1) }
            try ZeroCopyScenarios.seeDetached(run, provider)
            try run.step("they are read, and returned") {
                try course.streams.receive([course.stream: UInt64(bytes)], within: run.patience(10))
                try course.streams.settle()
            }
            try TrafficScenarios.count(run, provider, 0, "the old pool has none out")
            try run.step("100000 more received and returned") { try course.move(run, 100_000) }
            try course.end(run)
        }
    }

    /// The interface is down: a restart finds no queue to stop, and one order of restarting says so.
    private static func down(_ provider: Provider) -> Scenario {
        scenario(provider, "down", "restarted while the interface is down", pools: ExpectedPools(count: 2, traffic: true)) { run in
            let course = try Course(run, provider)
            try run.step("100000 bytes received and returned") { try course.move(run, 100_000) }
            course.socket.close()
            try course.bed.peer.shut(0)
            try run.step("interface down") { try course.bed.setUp(false) }
            for mode in modes {
                if mode == 1 {
                    let error = refusal { try course.bed.resetQueue(mode: mode) }
                    try run.expect(
                        error?.code == ENETDOWN, "restart in mode \(mode) refused with ENETDOWN", error.map { "\($0)" } ?? "it was done")
                } else {
                    try run.step("restarted, mode \(mode)") { try course.bed.resetQueue(mode: mode) }
                }
            }
            try run.step("interface up") { try course.bed.setUp(true) }
            try again(run, course, sent: 100_000)
        }
    }

    private static func downUp(_ provider: Provider) -> Scenario {
        scenario(
            provider, "down-up", "interface down and up three times, bound all along, with buffers held", detached: true,
            pools: ExpectedPools(count: 4, traffic: true)
        ) { run in
            let course = try Course(run, provider)
            try run.step("50000 bytes received and kept") { try course.move(run, 50_000, keep: true) }
            let out = course.streams.heldNetIovs
            try run.userHolds(out)
            for turn in 1...3 {
                try run.step("interface down and up, turn \(turn)") {
                    try course.bed.setUp(false)
                    try course.bed.setUp(true)
                }
            }
            try TrafficScenarios.count(run, provider, out, "the first pool is detached, with the \(out) net_iovs that the user holds")
            try TrafficScenarios.giveBackHeld(run, course.streams)
            try TrafficScenarios.count(run, provider, 0, "no detached pool has any out")
            course.socket.close()
            try course.bed.peer.shut(0)
            try again(run, course, sent: 50_000)
        }
    }

    /// Moves bytes of another connection through the provider, which stayed bound, and ends.
    private static func again(_ run: ScenarioRun, _ course: Course, sent: UInt64) throws {
        let bytes: UInt64 = 100_000
        let socket = try course.bed.connect(run, 1)
        let pattern = PayloadPattern(seed: 801)
        let stream = course.streams.add(socket, pattern)
        try run.step("\(bytes) bytes of a new connection received and returned") {
            try course.bed.peer.write(1, pattern, bytes: bytes, sizes: [4096])
            try course.streams.receive([stream: bytes], within: run.patience(20))
        }
        run.payload = try course.streams.payload(sent: sent + (try course.bed.peer.written(1, within: run.patience(10))))
        try run.pools.observe()
        socket.close()
        try run.step("provider ended") { course.streams.end() }
    }

    /// What ethtool may do to the rings of a bound queue, and what the kernel must refuse (`ethnl_set_rings`).
    private static func rings(_ provider: Provider) -> Scenario {
        scenario(provider, "rings", "ring settings changed on a bound queue", pools: ExpectedPools(traffic: true)) { run in
            let course = try Course(run, provider)
            try run.step("50000 bytes received and kept") { try course.move(run, 50_000, keep: true) }
            try run.userHolds(course.streams.heldNetIovs)
            let index = course.bed.ifindex
            let split = "can't disable tcp-data-split while device has memory provider enabled"
            let refusals: [(String, DeviceRings, String)] = [
                ("tcp-data-split off", DeviceRings(tcpDataSplit: .disabled), split),
                ("tcp-data-split unknown", DeviceRings(tcpDataSplit: .unknown), split),
                ("hds-thresh 1", DeviceRings(hdsThreshold: 1), "can't set non-zero hds_thresh while device is memory provider enabled"),
                ("rx 1000000", DeviceRings(rx: 1_000_000), "requested ring size exceeds maximum"),
            ]
            for (name, rings, words) in refusals {
                try refused(run, name, EINVAL, words) { try Ethtool().setRings(of: index, to: rings) }
            }
            try run.step("rx 1024 and tx 64 set") { try Ethtool().setRings(of: index, to: DeviceRings(rx: 1024, tx: 64)) }
            let now = try Ethtool().rings(of: index)
            try run.expect(
                now.rx == 1024 && now.tx == 64 && now.tcpDataSplit == .enabled && now.hdsThreshold == 0,
                "the granted is set and the refused is not", "\(now)")
            try run.step("100000 more received and returned") { try course.move(run, 100_000) }
            try run.step("\(course.streams.held.count) held deliveries are as they came") { try course.streams.recheckHeld() }
            try run.userHolds(0)
            try run.step("given back") { try course.streams.giveBack() }
            try course.end(run)
            try run.step("tcp-data-split off, on: nobody minds any more") {
                // zcrx ends from a work queue; its pool is gone or detached when the queue is free.
                let free = try run.pools.wait(within: run.patience(5)) { records in
                    !records.contains { $0.provider == provider && !$0.detached }
                }
                guard free else { throw ScenarioFailure("the queue is still bound") }
                try Ethtool().setRings(of: index, to: DeviceRings(tcpDataSplit: .disabled))
                try Ethtool().setRings(of: index, to: DeviceRings(tcpDataSplit: .enabled))
            }
        }
    }

    /// Channels come and go beside a bound queue. There are three, because the kernel wants one more than the provider needs
    /// (docs/kernel-notes.md).
    private static func channels(_ provider: Provider) -> Scenario {
        scenario(provider, "channels", "channels taken away and given back beside the bound queue", pools: ExpectedPools(traffic: true)) { run in
            let course = try Course(run, provider, queues: 3)
            let index = course.bed.ifindex
            try run.step("100000 bytes received and returned") { try course.move(run, 100_000) }
            for count: UInt32 in [2, 3, 2, 3] {
                try run.step("\(count) channels, then 100000 bytes") {
                    try Ethtool().setChannels(of: index, to: DeviceChannels(combined: count))
                    try course.move(run, 100_000)
                }
            }
            try refused(run, "4 channels", EINVAL, "requested channel count exceeds maximum") {
                try Ethtool().setChannels(of: index, to: DeviceChannels(combined: 4))
            }
            try course.end(run)
        }
    }

    /// The bound queue is the one that would go (`netdev_queue_busy`).
    private static func lastQueue(_ provider: Provider) -> Scenario {
        scenario(
            provider, "bound-channel", "the channel of the bound queue is not taken away", payload: false, pools: ExpectedPools(traffic: false)
        ) { run in
            let bed = try TestBed.make(run, queues: 2, queue: 1)
            let receiver = try provider.makeReceiver(run, bed: bed, pattern: PayloadPattern(seed: 802))
            try run.pools.observe()
            let before = try run.pools.observe().map { $0.id }
            let error = refusal { try Ethtool().setChannels(of: bed.ifindex, to: DeviceChannels(combined: 1)) }
            try run.expect(error?.code == EINVAL, "1 channel refused with EINVAL", error.map { "\($0)" } ?? "it was granted")
            // One of two checks finds it first: the count of channels, or the queue itself.
            try run.expect(
                error?.message?.contains("memory provider") == true, "the kernel says that it is the provider's",
                "it says \"\(error?.message ?? "nothing")\"")
            let after = try run.pools.observe().map { $0.id }
            try run.expect(before == after, "the refusal left the pools as they were", "\(before) became \(after)")
            try run.step("provider ended") { receiver.end() }
            let free = try run.pools.wait(within: run.patience(5)) { records in !records.contains { $0.provider == provider && !$0.detached } }
            try run.expect(free, "the queue is free", "it is still bound")
            try run.step("1 channel granted") { try Ethtool().setChannels(of: bed.ifindex, to: DeviceChannels(combined: 1)) }
        }
    }

    private static func refused(_ run: ScenarioRun, _ name: String, _ errno: CInt, _ words: String, _ attempt: () throws -> Void) throws {
        let error = refusal(attempt)
        try run.expect(
            error?.code == errno && error?.message == words, "\(name) refused: \"\(words)\"", error.map { "\($0)" } ?? "it was granted")
    }

    private static func refusal(_ attempt: () throws -> Void) -> KernelError? {
        do {
            try attempt()
            return nil
        } catch let error as KernelError {
            return error
        } catch {
            return KernelError("\(error)", errno: .init(rawValue: EIO))
        }
    }
}

/// A thread that restarts a queue as often as it is allowed to, so that restarts fall into running traffic.
final class BackgroundRestarts: @unchecked Sendable {
    private let times: Int
    private let reset: () throws -> Void
    private var thread = pthread_t()
    private var permits = sem_t()
    // Written by the thread, read after it was joined.
    private var done = 0
    private var failure: (any Error)?
    // The owner's.
    private var allowed = 0
    private var joined = false
    // Written before the permits that the thread then takes.
    private var abandoned = false

    init(_ times: Int, reset: @escaping () throws -> Void) throws {
        self.times = times
        self.reset = reset
        sem_init(&permits, 0, 0)
        let context = Unmanaged.passRetained(self).toOpaque()
        let error = pthread_create(
            &thread, nil,
            { raw in
                if let raw { Unmanaged<BackgroundRestarts>.fromOpaque(raw).takeRetainedValue().loop() }
                return nil
            }, context)
        guard error == 0 else {
            Unmanaged<BackgroundRestarts>.fromOpaque(context).release()
            throw KernelError("starting a thread", errno: .init(rawValue: error))
        }
    }

    /// Lets it do one restart, whenever it comes to it.
    func allowOne() throws {
        allowed += 1
        sem_post(&permits)
    }

    /// Waits for the restarts that were allowed.
    func join() throws {
        finish()
        if let failure { throw ScenarioFailure("restart \(done + 1) of \(times): \(failure)") }
        guard done == times else { throw ScenarioFailure("\(done) of \(times) restarts were done") }
    }

    /// Ends the thread, however many restarts are left. Once; then it does nothing.
    func abandon() {
        if !joined { abandoned = true }
        finish()
    }

    private func finish() {
        guard !joined else { return }
        for _ in allowed..<max(allowed, times) { sem_post(&permits) }
        pthread_join(thread, nil)
        joined = true
    }

    private func loop() {
        for _ in 0..<times {
            while sem_wait(&permits) != 0 {}
            if abandoned { return }
            do {
                try reset()
                done += 1
            } catch {
                failure = error
                return
            }
        }
    }

    deinit { sem_destroy(&permits) }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Events that the kernel reports to the ring, and the bytes that it counts as copied (`zcrx_send_notif()`).
enum ZcrxEventScenarios {
    private static let needs = Provider.zcrx.needs
    private static let small = AreaMemory.smallPages
    private static let bytes: UInt64 = 200_000

    static let all: [Scenario] = [
        Scenario(
            "zcrx.event.empty", "the event that no buffer is left is reported once, and again after it was armed again", tier: .netdevsim,
            needs: needs,
            expects: Expectation(
                provider: .zcrx, minimumHolds: small, zeroCopy: true, payload: true,
                pools: ExpectedPools(buffers: UInt64(small), traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 45)
            // Fewer net_iovs than the driver posts: each poll requests one more than there are.
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern) {
                $0.events?.mask = 1 << ZeroCopyReceive.Event.allocationFailed.rawValue
            }
            // An ordinary packet may already have caused a poll of the queue, and so the event.
            let early = try run.step("arming refused, unless the event was reported already") {
                let error = receiver.attemptArming(.allocationFailed)
                if error == nil { try receiver.awaitEvents(1, within: run.timeout(5)) }
                if receiver.events.isEmpty { try ZeroCopyReceiver.checkArmingRefusal(error) }
                return receiver.events.count
            }
            let socket = try bed.connect(run)
            try socket.limitReceiveBuffer(16_384)
            try bed.peer.send(pattern, bytes: 3 * bytes)
            for turn in 1...3 {
                try run.step("\(bytes) bytes received, \(early + turn) events reported") {
                    try receiver.receive(from: socket.rawValue, total: bytes * UInt64(turn), hold: false, within: run.timeout(20))
                    try receiver.awaitEvents(early + turn, within: run.timeout(5))
                    guard receiver.events == Array(repeating: .allocationFailed, count: early + turn) else {
                        throw ScenarioFailure("events reported: \(receiver.events)")
                    }
                }
                if turn < 3 { try run.step("armed again") { if let error = receiver.attemptArming(.allocationFailed) { throw error } } }
            }
            run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
            try run.pools.observe()
            socket.close()
            try run.step("ring closed") { receiver.close() }
        },
        // The task work of the event runs when a task of the ring enters the kernel, and none does (`zcrx_notif_tw()` of a ring that is closed).
        Scenario(
            "zcrx.event.unread", "no buffer is left, and the ring is closed before the event is reported", tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .zcrx, minimumHolds: small, pools: ExpectedPools(buffers: UInt64(small), traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 50)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern) {
                $0.events?.mask = 1 << ZeroCopyReceive.Event.allocationFailed.rawValue
            }
            let socket = try bed.connect(run, 0)
            try run.step("40000 bytes unread") {
                try bed.peer.write(0, pattern, bytes: 40_000, sizes: [4096])
                try socket.waitUnread(40_000, within: run.timeout(10))
                _ = try bed.peer.written(0, within: run.timeout(10))
            }
            // The event can be armed again only after it has fired. It is not reported yet.
            let error = receiver.attemptArming(.allocationFailed)
            try run.expect(
                error == nil && receiver.events.isEmpty, "the event fired, and is not reported",
                error.map { "\($0)" } ?? "events reported: \(receiver.events)")
            try run.pools.observe()
            try run.step("ring closed, and ended by the kernel") { try receiver.closeWholly(within: run.timeout(20)) }
            socket.close()
        },
        Scenario(
            "zcrx.event.both", "each of two events is reported once, and can be armed again", tier: .netdevsim, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 256, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let (copies, stream): (Int, UInt64) = (16_384, 3_000_000)
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 48)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern) {
                $0.events?.mask = 1 << ZeroCopyReceive.Event.copied.rawValue | 1 << ZeroCopyReceive.Event.allocationFailed.rawValue
            }
            let wire = try Loopback(run, pattern: pattern)
            try run.step("\(copies) bytes copied, and an event reported") {
                try wire.send(copies, within: run.timeout(10))
                try receiver.receive(from: wire.receiver.rawValue, total: wire.sent, hold: false, within: run.timeout(20))
                try receiver.awaitEvents(1, within: run.timeout(5))
                guard receiver.events == [.copied] else { throw ScenarioFailure("events reported: \(receiver.events)") }
                try receiver.disarm(within: run.timeout(5))
                receiver.beginStream()
            }
            let socket = try bed.connect(run, 0)
            try socket.limitReceiveBuffer(16_384)
            try run.step("received and held until no buffer is left, and an event reported") {
                try bed.peer.write(0, pattern, bytes: stream, sizes: [4096])
                while receiver.events.count < 2 {
                    guard receiver.heldNetIovs < 480 else {
                        throw ScenarioFailure("\(receiver.heldNetIovs) net_iovs of 512 are held, and no event is reported")
                    }
                    try receiver.receive(from: socket.rawValue, total: receiver.received + 4096, hold: true, within: run.timeout(10))
                }
                guard receiver.events == [.copied, .allocationFailed] else { throw ScenarioFailure("events reported: \(receiver.events)") }
            }
            for event in [ZeroCopyReceive.Event.copied, .allocationFailed] {
                let error = receiver.attemptArming(event)
                try run.expect(error == nil, "\(event) armed again", error.map { "\($0)" } ?? "")
            }
            try run.userHolds(receiver.heldNetIovs)
            try run.step("\(receiver.held.count) held deliveries are unchanged") { try receiver.recheckHeld() }
            run.payload = try receiver.payload(sent: wire.sent + stream, complete: false)
            try run.pools.observe()
            socket.close()
            try run.userEnds()
            try run.step("ring closed") { receiver.close() }
        },
        Scenario(
            "zcrx.event.copied", "payload received by another interface is copied, counted and reported", tier: .netdevsim, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 256, payload: true, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 46)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern) {
                $0.events?.mask = 1 << ZeroCopyReceive.Event.copied.rawValue
            }
            try run.expectProviderPool()
            try receiver.receiveCopies(run)
            try run.step("ring closed with \(receiver.held.count) deliveries held") { receiver.close() }
        },
        // Events and counts are requested separately.
        Scenario(
            "zcrx.event.uncounted", "the event of copies is reported although the copies are not counted", tier: .nodev,
            needs: [.zcrx, .zcrxNoDevice, .zcrxStatistics], expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)
        ) { run in
            let receiver = try ZeroCopyReceiver.make(run, bed: nil, pages: 256, pattern: PayloadPattern(seed: 46)) {
                $0.events = .init(userData: ZeroCopyReceiver.eventTag, events: [.copied])
            }
            try receiver.receiveCopies(run, counted: false)
            try run.step("ring closed with \(receiver.held.count) deliveries held") { receiver.close() }
        },
        Scenario(
            "nodev.copied", "without a device all payload is copied, counted and reported", tier: .nodev,
            needs: [.zcrx, .zcrxNoDevice, .zcrxStatistics], expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)
        ) { run in
            let receiver = try ZeroCopyReceiver.make(run, bed: nil, pages: 256, pattern: PayloadPattern(seed: 46)) {
                $0.events?.mask = 1 << ZeroCopyReceive.Event.copied.rawValue
            }
            try receiver.receiveCopies(run)
            try run.step("ring closed with \(receiver.held.count) deliveries held") { receiver.close() }
        },
    ]
}

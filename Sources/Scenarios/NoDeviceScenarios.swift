// SPDX-License-Identifier: GPL-2.0

import Results

/// zcrx without a device (`ZCRX_REG_NODEV`): everything is copied into the area, over loopback. No page pool is made and no
/// provider operation is called, so this tier says nothing about net_iovs in a pool.
enum NoDeviceScenarios {
    private static let needs: Set<Need> = [.zcrx, .zcrxNoDevice, .zcrxStatistics]
    /// Bytes sent before they are received.
    private static let round = 16_384

    static let all: [Scenario] = [
        Scenario(
            "nodev.receive", "receive by copy and return every buffer", tier: .nodev, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)
        ) { run in
            try traffic(run, pages: 64, rounds: 6, keep: false) { receiver in
                try run.step("refill ring flushed") { try receiver.flush() }
                try run.expect((try receiver.refillEntriesLeft()) == 0, "the kernel took every refill entry", "some are left")
            }
        },
        Scenario(
            "nodev.flush", "an area smaller than the stream: only flushed buffers are received into again", tier: .nodev, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)
        ) { run in
            let pattern = PayloadPattern(seed: 21)
            let receiver = try ZeroCopyReceiver.make(run, bed: nil, pages: 16, pattern: pattern)
            let wire = try Loopback(run, pattern: pattern)
            for turn in 1...8 {
                try run.step("round \(turn): \(round) bytes received, returned, flushed") {
                    try wire.send(round, within: run.patience(10))
                    try receiver.receive(from: wire.receiver.rawValue, total: wire.sent, keep: false, within: run.patience(20))
                    try receiver.flush()
                }
            }
            run.payload = try receiver.payload(sent: wire.sent, complete: true)
            try run.step("ring closed") { receiver.close() }
        },
        Scenario(
            "nodev.completion-room", "a completion queue of 8 entries, found full more often than the area has buffers", tier: .nodev, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)
        ) { run in
            let pages = 32
            let bytes = 4 << 20
            let pattern = PayloadPattern(seed: 22)
            let receiver = try ZeroCopyReceiver.make(run, bed: nil, pages: pages, completions: 8, pattern: PayloadPattern(seed: 0))
            let wire = try Loopback(run, pattern: pattern)
            let streams = Streams(receiver)
            let stream = streams.add(wire.receiver, pattern)
            var full = 0
            try run.step("\(bytes) bytes received and returned, asked for again where the queue was full") {
                for _ in 0..<bytes / 65_536 {
                    try wire.send(65_536, within: run.patience(10))
                    full += try RoomScenarios.receive(streams, stream, wire.sent, within: run.patience(20)) { try receiver.flush() }
                }
            }
            try run.expect(full > pages, "the completion queue was found full", "\(full) times")
            run.payload = try streams.payload(sent: wire.sent)
            try run.step("ring closed") { receiver.close() }
        },
        Scenario(
            "nodev.held", "close the ring with buffers held", tier: .nodev, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true)
        ) { run in
            try traffic(run, pages: 64, rounds: 6, keep: true) { receiver in
                try run.expect(receiver.held.count > 0, "buffers held by the user", "none was delivered")
            }
        },
    ]

    private static func traffic(
        _ run: ScenarioRun, pages: Int, rounds: Int, keep: Bool, then: (ZeroCopyReceiver) throws -> Void
    ) throws {
        let pattern = PayloadPattern(seed: 20)
        let receiver = try ZeroCopyReceiver.make(run, bed: nil, pages: pages, pattern: pattern)
        let wire = try Loopback(run, pattern: pattern)
        try run.step("\(rounds * round) bytes received") {
            for _ in 0..<rounds {
                try wire.send(round, within: run.patience(10))
                try receiver.receive(from: wire.receiver.rawValue, total: wire.sent, keep: keep, within: run.patience(20))
            }
        }
        run.payload = try receiver.payload(sent: wire.sent, complete: true)
        try run.expect(run.payload?.zeroCopy == 0, "every byte was copied", "\(run.payload?.zeroCopy ?? 0) bytes were not")
        try then(receiver)
        try run.step("ring closed") { receiver.close() }
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import Synchronization
import SystemPackage

/// Users of a refill ring who do at the wrong time, or from the wrong thread, what would be right otherwise.
enum HostileUserScenarios {
    typealias Entry = HostileScene.Entry

    private static func scenario(
        _ name: String, _ summary: String, _ reader: HostileScene.Reader = .flush, _ body: @escaping @Sendable (HostileScene) throws -> Void
    ) -> Scenario {
        Scenario(
            "hostile.ring.\(name)", summary, tier: .netdevsim, needs: HostileFamily.needs,
            expects: HostileFamily.expectation
        ) { run in try body(try HostileScene.make(run, reader)) }
    }

    /// A scenario without traffic.
    private static func idle(
        _ name: String, _ summary: String, _ body: @escaping @Sendable (ScenarioRun, any TestBed, ZeroCopyReceiver) throws -> Void
    )
        -> Scenario
    {
        Scenario(
            "hostile.ring.\(name)", summary, tier: .netdevsim, needs: HostileFamily.needs,
            expects: Expectation(
                provider: .zcrx, minimumHolds: AreaMemory.smallPages,
                pools: ExpectedPools(buffers: UInt64(AreaMemory.smallPages), traffic: false))
        ) { run in
            let bed = try run.makeTestBed()
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: AreaMemory.smallPages, pattern: PayloadPattern(seed: 34))
            try run.expectProviderPool()
            try body(run, bed, receiver)
            try run.pools.observe()
            try run.step("ring closed") { receiver.close() }
        }
    }

    static let all: [Scenario] = [
        scenario("head.poll", "user space overwrites the head", .poll) { try overwriteHead($0) },
        scenario("head.flush", "user space overwrites the head", .flush) { try overwriteHead($0) },
        scenario("at-close", "the ring is closed full of bad and doubled entries, with buffers held") { scene in
            try scene.hold()
            try scene.run.userHolds(0)
            try scene.finish {
                let offsets = scene.receiver.held.map { $0.offset }
                try scene.receiver.with { parts in
                    parts.queue.overwriteEntries { slot in
                        slot % 3 == 0 ? HostileScene.refused : Entry(offset: offsets[Int(slot) % offsets.count])
                    }
                    parts.queue.rawTail = parts.queue.rawHead &+ UInt32(parts.queue.capacity)
                }
            }
        },
        scenario("unread-at-close", "the ring is closed with good returns that nobody read") { scene in
            try scene.hold()
            try scene.finish { for buffer in scene.receiver.held { _ = try scene.receiver.put(Entry(offset: buffer.offset)) } }
        },
        scenario("socket-closed", "buffers are returned, and returned again, when their socket is closed", .poll) { scene in
            try scene.hold()
            let entries = scene.receiver.held.map { Entry(offset: $0.offset, length: $0.length) }
            try scene.reconnect()
            try scene.put(entries + entries)
            try scene.backInUse()
            try scene.finish()
        },
        scenario("thread", "another thread returns buffers between bad entries, while traffic flows", .poll) { scene in
            let producer = try scene.receiver.with { $0.queue.producer() }
            let returner = try BackgroundReturner(producer)
            scene.run.cleanUp("thread stopped") { returner.stop() }
            try scene.run.step("\(AreaMemory.smallTurnover) bytes received, returned by another thread") {
                let end = scene.receiver.received + AreaMemory.smallTurnover
                while scene.receiver.received < end {
                    try scene.receive(to: scene.receiver.received + 4096, hold: true)
                    for buffer in scene.receiver.held { try returner.returnBuffer(buffer.offset, buffer.length) }
                    scene.receiver.dropHeld()
                }
            }
            try scene.run.step("the thread ends") { try returner.end(within: scene.run.timeout(10)) }
            try scene.receiver.with { $0.queue.resume() }
            try scene.run.step("ring read to its end") { try scene.settle() }
            try scene.finish()
        },
        idle("idle", "garbage in the refill ring of a queue without traffic, never read") { run, _, receiver in
            try run.step("every slot written, the tail gone wild") {
                try receiver.with { parts in
                    parts.queue.overwriteEntries { Entry(offset: UInt64($0) &* 0x9e37_79b9_7f4a_7c15, length: $0, padding: $0 % 2) }
                    parts.queue.rawTail = 0x8000_0000
                }
            }
        },
        idle("idle-flush", "garbage in the refill ring of a queue without traffic, flushed") { run, _, receiver in
            try run.step("every slot written, the tail gone wild, flushed 500 times") {
                try receiver.with { parts in
                    parts.queue.overwriteEntries { Entry(offset: UInt64($0 % 100) << 12, length: $0, padding: $0 % 2) }
                    parts.queue.rawTail = 0x8000_0000
                    for _ in 0..<500 { try parts.ring.flush(queue: parts.queue.id) }
                }
            }
        },
        idle("idle-removed", "garbage in the refill ring, flushed when the interface has gone") { run, bed, receiver in
            try run.step("every slot written, the tail gone wild") {
                try receiver.with { parts in
                    parts.queue.overwriteEntries { Entry(offset: UInt64($0 % 100) << 12) }
                    parts.queue.rawTail = 0x8000_0000
                }
            }
            try run.step("flushed after the interface went") {
                try bed.remove()
                try receiver.flush()
            }
        },
    ]

    private static func overwriteHead(_ scene: HostileScene) throws {
        try scene.hold()
        let entries = scene.receiver.held.map { Entry(offset: $0.offset, length: $0.length) }
        for head in [0xdead_beef, 0, .max] as [UInt32] {
            try scene.run.step("\(entries.count) entries put, the head overwritten, entries read") {
                for entry in entries { _ = try scene.receiver.put(entry) }
                try scene.receiver.with { $0.queue.rawHead = head }
                let deadline = Deadline(seconds: scene.run.timeout(10))
                while try scene.receiver.with({ $0.queue.rawHead != $0.queue.rawTail }) {
                    guard !deadline.hasPassed else { throw ScenarioFailure("the kernel never wrote its head again") }
                    try scene.readOnce()
                }
            }
        }
        try scene.backInUse()
        try scene.finish()
    }
}

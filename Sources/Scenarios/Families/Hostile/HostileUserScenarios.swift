// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import Synchronization
import SystemPackage

/// A user that writes the refill ring at the wrong time or from another thread, or overwrites its head.
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
        scenario("head.poll", "user space overwrites the head; read by a poll", .poll) { try overwriteHead($0) },
        scenario("head.flush", "user space overwrites the head; read by a flush", .flush) { try overwriteHead($0) },
        scenario("at-close", "the ring is closed while the refill ring is full of invalid and duplicate entries, and buffers are held") { scene in
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
        scenario("unread-at-close", "the ring is closed with valid entries in the refill ring that the kernel has not read") { scene in
            try scene.hold()
            try scene.finish { for buffer in scene.receiver.held { _ = try scene.receiver.put(Entry(offset: buffer.offset)) } }
        },
        scenario("socket-closed", "buffers returned twice after their socket was closed", .poll) { scene in
            try scene.hold()
            let entries = scene.receiver.held.map { Entry(offset: $0.offset, length: $0.length) }
            try scene.reconnect()
            try scene.put(entries + entries)
            try scene.expectTaken()
            try scene.finish()
        },
        scenario("thread", "another thread returns buffers between invalid entries during traffic", .poll) { scene in
            let producer = try scene.receiver.with { $0.queue.producer() }
            let returner = try BackgroundReturner(producer)
            scene.run.cleanUp("returning thread ended") { returner.stop() }
            try scene.run.step("\(AreaMemory.smallTurnover) bytes received, returned by another thread") {
                let end = scene.receiver.received + AreaMemory.smallTurnover
                while scene.receiver.received < end {
                    try scene.receive(to: scene.receiver.received + 4096, hold: true)
                    for buffer in scene.receiver.held { try returner.returnBuffer(buffer.offset, buffer.length) }
                    scene.receiver.dropHeld()
                }
            }
            try scene.run.step("thread has returned all buffers") { try returner.end(within: scene.run.timeout(10)) }
            try scene.receiver.with { $0.queue.resume() }
            try scene.run.step("refill ring read until it is empty") { try scene.settle() }
            try scene.finish()
        },
        idle("idle", "invalid entries in the refill ring of a queue without traffic, never read") { run, _, receiver in
            try run.step("every slot written, the tail 2^31") {
                try receiver.with { parts in
                    parts.queue.overwriteEntries { Entry(offset: UInt64($0) &* 0x9e37_79b9_7f4a_7c15, length: $0, padding: $0 % 2) }
                    parts.queue.rawTail = 0x8000_0000
                }
            }
        },
        idle("idle-flush", "invalid entries in the refill ring of a queue without traffic, flushed") { run, _, receiver in
            try run.step("every slot written, the tail 2^31, flushed 500 times") {
                try receiver.with { parts in
                    parts.queue.overwriteEntries { Entry(offset: UInt64($0 % 100) << 12, length: $0, padding: $0 % 2) }
                    parts.queue.rawTail = 0x8000_0000
                    for _ in 0..<500 { try parts.ring.flush(queue: parts.queue.id) }
                }
            }
        },
        idle("idle-removed", "entries of buffers that were not delivered, flushed after the interface was removed") { run, bed, receiver in
            try run.step("every slot written, the tail 2^31") {
                try receiver.with { parts in
                    parts.queue.overwriteEntries { Entry(offset: UInt64($0 % 100) << 12) }
                    parts.queue.rawTail = 0x8000_0000
                }
            }
            try run.step("interface removed, then flushed") {
                try bed.remove()
                try receiver.flush()
            }
        },
    ]

    private static func overwriteHead(_ scene: HostileScene) throws {
        try scene.hold()
        let entries = scene.receiver.held.map { Entry(offset: $0.offset, length: $0.length) }
        for head in [0xdead_beef, 0, .max] as [UInt32] {
            try scene.run.step("\(entries.count) entries written, the head overwritten, entries read") {
                for entry in entries { _ = try scene.receiver.put(entry) }
                try scene.receiver.with { $0.queue.rawHead = head }
                try Polling.wait(within: scene.run.timeout(10), orFail: "the kernel has not written its head again", pause: 0) {
                    if try scene.receiver.with({ $0.queue.rawHead == $0.queue.rawTail }) { return true }
                    try scene.readOnce()
                    return false
                }
            }
        }
        try scene.expectTaken()
        try scene.finish()
    }
}

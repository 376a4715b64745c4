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
            "hostile.ring.\(name)", summary, tier: .netdevsim, needs: HostileRefillScenarios.needs,
            expects: HostileRefillScenarios.expectation
        ) { run in try body(try HostileScene.make(run, reader)) }
    }

    /// A scenario without traffic.
    private static func idle(_ name: String, _ summary: String, _ body: @escaping @Sendable (ScenarioRun, TestBed, ZeroCopyReceiver) throws -> Void)
        -> Scenario
    {
        Scenario(
            "hostile.ring.\(name)", summary, tier: .netdevsim, needs: HostileRefillScenarios.needs,
            expects: Expectation(
                provider: .zcrx, minimumHolds: HostileScene.pages,
                pools: ExpectedPools(buffers: UInt64(HostileScene.pages), traffic: false))
        ) { run in
            let bed = try TestBed.make(run)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: HostileScene.pages, pattern: PayloadPattern(seed: 34))
            try ZeroCopyScenarios.seeProvider(run)
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
            let returner = try Returner(producer)
            scene.run.cleanUp("thread stopped") { returner.stop() }
            try scene.run.step("\(HostileScene.turn) bytes received, returned by another thread") {
                let end = scene.receiver.received + HostileScene.turn
                while scene.receiver.received < end {
                    try scene.receive(to: scene.receiver.received + 4096, keep: true)
                    for buffer in scene.receiver.held { try returner.giveBack(buffer.offset, buffer.length) }
                    scene.receiver.forgetHeld()
                }
            }
            try scene.run.step("the thread ends") { try returner.end(within: scene.run.patience(10)) }
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
                let end = MonotonicClock.now + UInt64(scene.run.patience(10) * 1e9)
                while try scene.receiver.with({ $0.queue.rawHead != $0.queue.rawTail }) {
                    guard MonotonicClock.now < end else { throw ScenarioFailure("the kernel never wrote its head again") }
                    try scene.readOnce()
                }
            }
        }
        try scene.backInUse()
        try scene.finish()
    }
}

/// A thread that returns buffers, each between entries that no kernel takes for one.
private final class Returner: @unchecked Sendable {
    private var producer: ZeroCopyReceive.RefillProducer
    /// Two ends of a pair of sockets: buffers go one way, the thread's end shows at the other.
    private let here: CInt
    private let there: CInt
    private var thread = pthread_t()
    private var joined = false
    private let stopped = Atomic(false)

    init(_ producer: ZeroCopyReceive.RefillProducer) throws {
        self.producer = producer
        (here, there) = try DescriptorPassing.pair()
        let context = Unmanaged.passRetained(self).toOpaque()
        let error = pthread_create(
            &thread, nil,
            { raw in
                if let raw { Unmanaged<Returner>.fromOpaque(raw).takeRetainedValue().loop() }
                return nil
            }, context)
        guard error == 0 else {
            Unmanaged<Returner>.fromOpaque(context).release()
            joined = true
            close(there)
            throw KernelError("starting a thread", errno: Errno(rawValue: error))
        }
    }

    deinit { close(here) }

    /// Hands a buffer over to the thread.
    func giveBack(_ offset: UInt64, _ length: UInt32) throws {
        var message = (offset, UInt64(length))
        let size = MemoryLayout.size(ofValue: message)
        guard write(here, &message, size) == size else { throw KernelError("telling a thread", errno: Errno(rawValue: errno)) }
    }

    /// Waits until the thread has returned all it was given. It waits for nothing but room in the refill ring.
    func end(within seconds: Double) throws {
        shutdown(here, CInt(SHUT_WR))
        var entry = pollfd(fd: here, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, CInt(seconds * 1000)) > 0 else { throw ScenarioFailure("the thread has entries left that nobody reads") }
        stop()
    }

    /// Has the thread end, whatever it has left. Once; then it does nothing.
    func stop() {
        guard !joined else { return }
        stopped.store(true, ordering: .relaxed)
        shutdown(here, CInt(SHUT_RDWR))
        pthread_join(thread, nil)
        joined = true
    }

    private func loop() {
        var message: (UInt64, UInt64) = (0, 0)
        var count: UInt64 = 0
        defer { close(there) }
        while read(there, &message, MemoryLayout.size(ofValue: message)) == MemoryLayout.size(ofValue: message) {
            for bad in 0..<3 as Range<UInt64> {
                count += 1
                put(message.0 | (count % 0xfffe + 1) << 48, UInt32(bad), padding: bad == 0 ? 1 : 0)
            }
            put(message.0, UInt32(message.1), padding: 0)
        }
    }

    private func put(_ offset: UInt64, _ length: UInt32, padding: UInt32) {
        while !producer.put(offset: offset, length: length, padding: padding), !stopped.load(ordering: .relaxed) { sched_yield() }
    }
}

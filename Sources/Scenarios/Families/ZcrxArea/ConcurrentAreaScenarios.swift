// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import Synchronization

/// Areas added to a queue while another thread adds areas to it over another ring, or removes the device.
enum ConcurrentAreaScenarios {
    /// Areas that each of two rings adds.
    private static let rounds = 400
    /// Areas of a queue, including its first (`ZCRX_MAX_AREAS`).
    private static let limit = 1024

    /// The first area has more buffers than the driver posts, so the added areas stay unused.
    static let all: [Scenario] = [
        Scenario(
            "zcrx.area.two-rings", "two rings add areas to a shared queue at the same time: each area gets a number of its own", tier: .netdevsim,
            needs: Provider.zcrx.needs.union([.zcrxSharing, .zcrxAddArea]),
            expects: Expectation(provider: .zcrx, minimumHolds: 256, pools: ExpectedPools(traffic: false))
        ) { run in
            let exporter = try QueueExporter(run, bed: try run.makeTestBed(), pages: 512)
            let adder = try Adder(run, exporter, Slices(rounds), most: rounds)
            try run.expectProviderPool()
            let slices = try Slices(rounds)
            let own = try run.step("\(rounds) areas added over each ring") { () throws -> [UInt64] in
                try adder.begin(within: run.timeout(10))
                let tokens = try exporter.receiver.with { parts in
                    try (0..<rounds).map { round in
                        try adder.arriveFromScenario(round)
                        return try parts.ring.addArea(slices[round], queue: parts.queue.id)
                    }
                }
                try adder.join()
                return tokens
            }
            let all = own + adder.tokens
            let numbers = Set(all.map { $0 >> ZeroCopyReceive.areaShift })
            try run.expect(
                all.count == 2 * rounds && numbers == Set(1...UInt64(2 * rounds)), "each area has a number of its own, 1 to \(2 * rounds)",
                "\(all.count) areas have \(numbers.count) numbers up to \(numbers.max() ?? 0)")
            try run.pools.observe()
            try run.step("ring closed") { exporter.receiver.close() }
            slices.memory.close()
        },
        Scenario(
            "zcrx.area.removed", "the interface is removed while areas are added: each area is added completely or refused", tier: .netdevsim,
            needs: Provider.zcrx.needs.union([.zcrxSharing, .zcrxAddArea, .removableInterface]),
            expects: Expectation(provider: .zcrx, minimumHolds: 256, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try run.makeTestBed()
            let exporter = try QueueExporter(run, bed: bed, pages: 512)
            let adder = try Adder(run, exporter, Slices(limit), most: nil)
            try run.expectProviderPool()
            try run.step("areas added while the interface is removed") {
                try adder.begin(within: run.timeout(10), after: 20)
                try bed.remove()
                try adder.join()
            }
            try run.expect(
                adder.refusal?.code == EFAULT, "an area was refused with EFAULT",
                adder.refusal.map { "\($0)" } ?? "none of \(adder.tokens.count) was refused"
            )
            try run.step("ring closed") { exporter.receiver.close() }
        },
        // The importing process may have exited when the pages are unpinned.
        Scenario(
            "zcrx.area.process", "a process that imported the queue adds an area: its pages are accounted to the process that registered the queue",
            tier: .netdevsim, needs: Provider.zcrx.needs.union([.zcrxSharing, .zcrxAddArea]),
            expects: Expectation(provider: .zcrx, minimumHolds: 256, pools: ExpectedPools(traffic: true))
        ) { run in
            let exporter = try QueueExporter(run, bed: try run.makeTestBed(), pages: 512)
            let worker = try exporter.startImporter(run)
            let before = try ResourceCounters.lockedBytes()
            let pages = 48
            let answer = try run.step("\(pages) pages added by the process") { try worker.perform("area \(pages)", within: run.timeout(10)) }
            try run.expect(answer == "0", "its pinned memory is as before", "\(answer) bytes more")
            let more = try ResourceCounters.lockedBytes() - before
            try run.expect(
                more == Int64(pages * ZeroCopyReceiver.pageBytes), "\(pages) pages more are accounted to this process", "\(more) bytes more")
            try run.step("worker closed and ended") {
                _ = try worker.perform("close", within: run.timeout(10))
                try worker.finish(within: run.timeout(10))
            }
            let left = try ResourceCounters.lockedBytes() - before
            try run.expect(left == more, "they are still accounted to this process", "\(left) bytes more")
            try run.userEnds()
            try run.step("ring closed") { exporter.receiver.close() }
        },
    ]

    /// Memory for `count` areas of a few pages each, which do not overlap.
    private struct Slices: @unchecked Sendable {
        let memory: AreaMemory
        let count: Int
        private static let pages = 8

        init(_ count: Int) throws {
            self.count = count
            memory = try AreaMemory(pages: count * Self.pages)
        }

        /// An area; the last one for a higher index.
        subscript(index: Int) -> ZeroCopyReceive.Registration.Area {
            let bytes = Self.pages * ZeroCopyReceiver.pageBytes
            return .init(address: memory.registration.address + UInt64(min(index, count - 1) * bytes), length: UInt64(bytes))
        }
    }

    /// A thread with a ring of its own that imports the queue, and adds areas to it until it has added enough, or one is refused.
    private final class Adder: Sendable {
        private let added = Atomic(0)
        private let ready = Atomic(false)
        private let started = Atomic(false)
        private let ended = Atomic(false)
        private let stopped = Atomic(false)
        /// How often one of the two threads has arrived at the barrier.
        private let arrivals = Atomic(0)
        private let outcome = Mutex<(tokens: [UInt64], refusal: KernelError?)>(([], nil))
        private let thread = Mutex<WorkerThread<Void>?>(nil)

        var tokens: [UInt64] { outcome.withLock { $0.tokens } }
        /// The refusal that ended the thread before it had added all; nil where there was none.
        var refusal: KernelError? { outcome.withLock { $0.refusal } }

        /// - Parameters:
        ///   - slices: the areas; the adder unmaps their memory.
        ///   - most: how many; with nil it continues until the queue is closed, also when the queue has as many areas as it may have.
        init(_ run: ScenarioRun, _ exporter: QueueExporter, _ slices: Slices, most: Int?) throws {
            let descriptor = try exporter.export(run)
            let exported = fcntl(descriptor.rawValue, F_DUPFD_CLOEXEC, 0)
            descriptor.close()
            let made = try WorkerThread("areas") { [self] (_: StopRequest) in try work(exported, slices, most) }
            thread.withLock { $0 = made }
            run.cleanUp("areas of the other ring unmapped") {
                self.started.store(true, ordering: .releasing)
                self.stopped.store(true, ordering: .releasing)
                defer { slices.memory.close() }
                try made.join()
            }
        }

        /// Starts the thread's additions, and returns when it has added `count`.
        func begin(within seconds: Double, after count: Int = 0) throws {
            let deadline = Deadline(seconds: seconds)
            try Polling.wait(within: seconds, orFail: "the thread has not imported the queue", pause: 1) { ready.load(ordering: .acquiring) }
            started.store(true, ordering: .releasing)
            while added.load(ordering: .acquiring) < count, refusal == nil {
                guard !deadline.hasPassed else {
                    throw ScenarioFailure("\(added.load(ordering: .relaxed)) areas were added within \(seconds) s")
                }
                sched_yield()
            }
        }

        /// The scenario's side of a barrier: returns when both threads are about to add that area, so that they do it at the same time.
        func arriveFromScenario(_ round: Int) throws {
            arrivals.add(1, ordering: .acquiringAndReleasing)
            while arrivals.load(ordering: .acquiring) < 2 * (round + 1) {
                guard !ended.load(ordering: .acquiring) else { throw ScenarioFailure("the other ring added only \(tokens.count) areas") }
                sched_yield()
            }
        }

        func join() throws { try thread.withLock { $0 }?.join() }

        /// The thread's side of the barrier. It also returns when the scenario ends.
        private func arrive(_ round: Int) {
            arrivals.add(1, ordering: .acquiringAndReleasing)
            while arrivals.load(ordering: .acquiring) < 2 * (round + 1), !stopped.load(ordering: .acquiring) { sched_yield() }
        }

        private func work(_ exported: CInt, _ slices: Slices, _ most: Int?) throws {
            defer {
                ended.store(true, ordering: .releasing)
                ready.store(true, ordering: .releasing)
            }
            let ring = try ZeroCopyReceive.Ring()
            let imported = Result { () throws(KernelError) in try ring.importQueue(exported) }
            close(exported)
            ready.store(true, ordering: .releasing)
            while !started.load(ordering: .acquiring) { sched_yield() }
            if case .success(let queue) = imported {
                while !stopped.load(ordering: .acquiring), most.map({ added.load(ordering: .relaxed) < $0 }) ?? true {
                    if most != nil { arrive(added.load(ordering: .relaxed)) }
                    do throws(KernelError) {
                        let token = try ring.addArea(slices[added.load(ordering: .relaxed)], queue: queue.id)
                        outcome.withLock { $0.tokens.append(token) }
                        added.add(1, ordering: .acquiringAndReleasing)
                    } catch {
                        // EINVAL because the queue has as many areas as it may have: continue until the queue is closed.
                        if most == nil, error.code == EINVAL, added.load(ordering: .relaxed) == limit - 1 { continue }
                        outcome.withLock { $0.refusal = error }
                        break
                    }
                }
            }
            ring.close()
            _ = try imported.get()
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import Synchronization
import Testing

@testable import Harness

private struct Failure: Error {}

/// How many run now, and the highest number so far.
private final class Gauge: Sendable {
    private let state = Mutex((now: 0, most: 0))
    private let expected: Int
    /// Settled once `expected` have run at the same time.
    let reached = Promise<Void>()

    init(_ expected: Int) { self.expected = expected }

    var most: Int { state.withLock { $0.most } }

    func enter() {
        let most = state.withLock { state in
            state.now += 1
            state.most = max(state.most, state.now)
            return state.most
        }
        if most >= expected { reached.settle(.success(())) }
    }

    func leave() { state.withLock { $0.now -= 1 } }
}

@Suite(.timeLimit(.minutes(1))) struct ConcurrencyTests {
    @Test func resultsAreInTheOrderOfTheElementsAndTheLimitHolds() async throws {
        let gauge = Gauge(3)
        let results = try await concurrently(0..<40, limit: 3) { number in
            gauge.enter()
            defer { gauge.leave() }
            try await gauge.reached.value()
            try await Task.sleep(for: .milliseconds(number % 4))
            return number * 2
        }
        #expect(results == (0..<40).map { $0 * 2 })
        #expect(gauge.most == 3)
    }

    @Test(arguments: [0, -1]) func oneRunsWithALimitBelowOne(_ limit: Int) async throws {
        #expect(try await concurrently([1, 2], limit: limit) { $0 } == [1, 2])
        #expect(try await concurrently([Int](), limit: limit) { $0 } == [])
    }

    @Test func noElementIsStartedOnceItIsEnough() async throws {
        let started = Mutex<[Int]>([])
        let results = try await concurrently(0..<100, limit: 1, until: { $0 == 4 }) { number in
            started.withLock { $0.append(number) }
            return number
        }
        #expect(results == [0, 1, 2, 3, 4])
        let numbers = started.withLock { $0 }
        #expect(numbers == results)
    }

    @Test func anErrorCancelsTheOthers() async throws {
        let cancelled = Atomic(0)
        await #expect(throws: Failure.self) {
            try await concurrently(0..<4, limit: 4) { number in
                guard number > 0 else { throw Failure() }
                do { try await Task.sleep(for: .seconds(60)) } catch { cancelled.add(1, ordering: .relaxed) }
            }
        }
        let count = cancelled.load(ordering: .relaxed)
        #expect(count == 3)
    }

    @Test func aDeadlineReturnsNilAndCancelsTheBody() async throws {
        let cancelled = Atomic(false)
        let value = try await withDeadline(.milliseconds(10)) {
            do { try await Task.sleep(for: .seconds(60)) } catch { cancelled.store(true, ordering: .relaxed) }
            return 1
        }
        #expect(value == nil)
        let wasCancelled = cancelled.load(ordering: .relaxed)
        #expect(wasCancelled)
        #expect(try await withDeadline(.seconds(60)) { 2 } == 2)
        await #expect(throws: Failure.self) { try await withDeadline(.seconds(60)) { throw Failure() } }
    }

    /// More blocked threads than the cooperative pool has: a task that needs the pool must still proceed.
    @Test func blockingWorkLeavesThePoolFree() async throws {
        let gauge = Gauge(Cancellation.width)
        let open = DispatchSemaphore(value: 0)
        let count = Cancellation.width * 3
        async let blocked: [Void] = concurrently(0..<count, limit: count) { _ in
            try await blocking {
                gauge.enter()
                defer { gauge.leave() }
                open.wait()
            }
        }
        let numbers = try await concurrently(0..<100, limit: 100) { number in
            await Task.yield()
            return number
        }
        #expect(numbers.count == 100)
        try await gauge.reached.value()
        for _ in 0..<count { open.signal() }
        _ = try await blocked
        #expect(gauge.most == Cancellation.width)
    }

    @Test func blockingWorkSeesItsCancellation() async throws {
        let running = Promise<Void>()
        let task = Task {
            try await blocking {
                running.settle(.success(()))
                while true { try Cancellation.check() }
            }
        }
        try await running.value()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await #expect(throws: Failure.self) { try await blocking { throw Failure() } }
        #expect(try await blocking { 3 } == 3)
    }

    @Test func aCancelledReaderTakesNoElementFromTheQueue() async throws {
        let queue = BoundedQueue<Int>(limit: 100)
        for number in 1...3 { queue.push(number, cost: 1) }
        queue.end()
        let reader = Task {
            while !Task.isCancelled { await Task.yield() }
            return await queue.next()
        }
        reader.cancel()
        #expect(await reader.value == nil)
        #expect(await queue.next() == 1)
    }
}

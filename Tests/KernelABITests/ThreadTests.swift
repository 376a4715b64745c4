// SPDX-License-Identifier: GPL-2.0

import Glibc
import Synchronization
import Testing

@testable import KernelABI

/// Threads: their results, when they end, and the end of a dropped one.
struct ThreadTests {
    private struct Failure: Error, Equatable { let number: Int }

    @Test func joinGivesTheResultEachTime() throws {
        let worker = try WorkerThread("result") { _ in pthread_self() }
        let number = try worker.join()
        #expect(number != pthread_self())
        #expect(try worker.join() == number)
        worker.wait()
    }

    @Test func joinThrowsTheErrorEachTime() throws {
        let worker = try WorkerThread<Int>("error") { _ in throw Failure(number: 7) }
        #expect(throws: Failure(number: 7)) { try worker.join() }
        #expect(throws: Failure(number: 7)) { try worker.join() }
    }

    @Test func stopEndsALoop() throws {
        let began = Semaphore()
        let worker = try WorkerThread("loop") { stop in
            began.signal()
            var count = 0
            while !stop.isRequested { count += 1 }
            return count
        }
        began.wait()
        worker.requestStop()
        worker.requestStop()
        #expect(try worker.join() >= 0)
    }

    @Test func aTimedWaitReturnsAtTheEnd() throws {
        let end = Semaphore()
        let worker = try WorkerThread("timed") { _ in end.wait() }
        #expect(!worker.wait(timeoutMilliseconds: 20))
        #expect(!worker.wait(timeoutMilliseconds: -1))
        end.signal()
        #expect(worker.wait(timeoutMilliseconds: 20_000))
        #expect(worker.wait(timeoutMilliseconds: 0))
        try worker.join()
    }

    /// One `wait` returns for each `signal`, in any order.
    @Test func semaphoreCounts() throws {
        let permits = Semaphore(count: 1)
        let done = Semaphore()
        let passed = Counter()
        let worker = try WorkerThread("permits") { _ in
            for _ in 0..<3 {
                permits.wait()
                passed.add()
                done.signal()
            }
        }
        done.wait()
        #expect(passed.count == 1)
        permits.signal()
        done.wait()
        #expect(passed.count == 2)
        permits.signal()
        try worker.join()
        #expect(passed.count == 3)
    }

    @Test func theNameIsTheThreadsComm() throws {
        let worker = try WorkerThread("name-of-more-than-15-bytes") { _ in
            try KernelFile.read("/proc/thread-self/comm")
        }
        #expect(try worker.join() == "name-of-more-th\n")
        #expect(worker.name == "name-of-more-than-15-bytes")
    }

    /// The body may own what is not Sendable: it is sent to the thread.
    @Test func theBodyOwnsWhatItWasSent() throws {
        final class Bytes { var all: [UInt8] = [1, 2, 3] }
        func start() throws(KernelError) -> WorkerThread<[UInt8]> {
            let bytes = Bytes()
            return try WorkerThread("sent") { _ in
                bytes.all.append(4)
                return bytes.all
            }
        }
        #expect(try start().join() == [1, 2, 3, 4])
    }

    /// A dropped thread is requested to stop, and counted.
    @Test func aDroppedThreadEnds() throws {
        let ended = Semaphore()
        let before = DroppedHandles.count
        do {
            let dropped = try WorkerThread("dropped") { stop in
                while !stop.isRequested { sched_yield() }
                ended.signal()
            }
            _ = dropped.name
        }
        ended.wait()
        #expect(DroppedHandles.count > before)
    }
}

/// A count that two threads use.
private final class Counter: Sendable {
    private let value = Atomic(0)
    var count: Int { value.load(ordering: .acquiring) }
    func add() { value.add(1, ordering: .acquiringAndReleasing) }
}

struct TimeTests {
    @Test func theClockIsMonotonic() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let before = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        let now = MonotonicClock.now
        #expect(now >= before && now - before < 10_000_000_000)
        #expect(MonotonicClock.now >= now)
    }

    @Test func deadlines() {
        #expect(Deadline(milliseconds: -1).remaining == -1)
        #expect(Deadline(milliseconds: 0).remaining == 0)
        let long = Deadline(milliseconds: .max).remaining
        #expect(long > CInt.max - 60_000)
        // Rounded up: poll(2) must not return before the deadline.
        let short = Deadline(milliseconds: 1)
        while short.remaining > 0 {}
        #expect(short.remaining == 0)
    }
}

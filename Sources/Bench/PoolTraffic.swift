// SPDX-License-Identifier: GPL-2.0

import LifeCycle

/// The events of a `SyntheticTrace`.
struct PoolTraffic {
    static let holdID: UInt16 = 359
    static let releaseID: UInt16 = 360
    static let poolReleaseID: UInt16 = 361
    static let poller: UInt32 = 41
    static let user: UInt32 = 1042
    /// One queue's net_iovs, and the holds of a pool before it is destroyed.
    private static let buffers = 512
    private static let holdsPerPool: UInt32 = 100_000

    /// A queue with its provider. Its pools use the same net_iovs, one after the other.
    private struct Queue {
        var pool: UInt64
        var free: [UInt64]
        var held: [UInt64] = []
        var holds: UInt32 = 0
        var releases: UInt32 = 0
        var isDestroyed = false
        var isHolding = true
        var attempts: UInt64 = 0
    }

    private var queues: [Queue]
    /// The queue of the current events.
    private var current = 0
    /// Events that the current queue still makes.
    private var left = 0
    private var pools: UInt64 = 4
    private var time: UInt64 = 100_000_000_000
    private var generator = SeededGenerator(seed: 1)

    init() {
        queues = (0..<4).map { queue in
            Queue(pool: Self.address(queue), free: (0..<UInt64(Self.buffers)).map { 0xffff_8880_1000_0001 + queue << 20 + $0 * 64 })
        }
    }

    private static func address(_ number: UInt64) -> UInt64 { 0xffff_8880_0300_0000 + number * 0x800 }

    mutating func next() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        time += 100 + random(400)
        if left == 0 {
            current = Int(random(4))
            // The number that one poll takes, or one recvmsg returns.
            left = 1 + Int(random(64))
            if !queues[current].isDestroyed { queues[current].isHolding.toggle() }
        }
        left -= 1
        if queues[current].isDestroyed { return drain() }
        if queues[current].holds >= Self.holdsPerPool {
            queues[current].isDestroyed = true
            return poolRelease()
        }
        if queues[current].held.isEmpty { queues[current].isHolding = true }
        if queues[current].free.isEmpty { queues[current].isHolding = false }
        return queues[current].isHolding ? hold() : release()
    }

    private mutating func hold() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        let netmem = queues[current].free.removeLast()
        queues[current].held.append(netmem)
        queues[current].holds += 1
        let words = Bytes.little(netmem) + Bytes.little(UInt64(queues[current].holds)) + Bytes.little(UInt64(0))
        return (0, time, record(Self.holdID, cpu: 0, words))
    }

    private mutating func release() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        // Any of them: users return buffers in any order.
        let place = Int(random(UInt64(queues[current].held.count)))
        queues[current].held.swapAt(place, queues[current].held.count - 1)
        let netmem = queues[current].held.removeLast()
        queues[current].free.append(netmem)
        queues[current].releases += 1
        let cpu = left % 4 == 0 ? 0 : 1
        let words = Bytes.little(netmem) + Bytes.little(UInt64(queues[current].releases)) + Bytes.little(UInt64(0))
        return (cpu, time, record(Self.releaseID, cpu: cpu, words))
    }

    private mutating func drain() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        guard queues[current].held.isEmpty else { return release() }
        let freed = poolRelease()
        let queue = queues[current]
        // Every other pool gets the address of the pool before it from the allocator.
        pools += 1
        queues[current] = Queue(pool: pools % 2 == 0 ? queue.pool : Self.address(pools), free: queue.free)
        return freed
    }

    private mutating func poolRelease() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        let queue = queues[current]
        queues[current].attempts += 1
        let counts = Bytes.little(UInt32(queue.held.count)) + Bytes.little(queue.holds) + Bytes.little(UInt64(queue.releases))
        return (1, time, record(Self.poolReleaseID, cpu: 1, counts + Bytes.little(queue.attempts)))
    }

    private func record(_ id: UInt16, cpu: Int, _ words: [UInt8]) -> [UInt8] {
        // The poll runs in a soft interrupt, the user in its task.
        let flags: UInt8 = cpu == 0 ? 0x10 : 0
        let task = cpu == 0 ? Self.poller : Self.user
        return Bytes.little(id) + [flags, 1] + Bytes.little(task) + Bytes.little(queues[current].pool) + words
    }

    private mutating func random(_ bound: UInt64) -> UInt64 { generator.next() % bound }
}

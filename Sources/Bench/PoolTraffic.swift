// SPDX-License-Identifier: GPL-2.0

import LifeCycle

/// What happens in a `SyntheticTrace`, event by event.
struct PoolTraffic {
    static let holdID: UInt16 = 359
    static let releaseID: UInt16 = 360
    static let poolReleaseID: UInt16 = 361
    static let poller: UInt32 = 41
    static let user: UInt32 = 1042
    /// One queue's net_iovs, and a pool's life in holds.
    private static let buffers = 512
    private static let life: UInt32 = 100_000

    /// A queue with its provider: its net_iovs outlive its pools.
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
    private var turn = 0
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
            turn = Int(random(4))
            // As many as one poll takes, or one recvmsg returns.
            left = 1 + Int(random(64))
            if !queues[turn].isDestroyed { queues[turn].isHolding.toggle() }
        }
        left -= 1
        if queues[turn].isDestroyed { return drain() }
        if queues[turn].holds >= Self.life {
            queues[turn].isDestroyed = true
            return poolRelease()
        }
        if queues[turn].held.isEmpty { queues[turn].isHolding = true }
        if queues[turn].free.isEmpty { queues[turn].isHolding = false }
        return queues[turn].isHolding ? hold() : release()
    }

    private mutating func hold() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        let netmem = queues[turn].free.removeLast()
        queues[turn].held.append(netmem)
        queues[turn].holds += 1
        let words = Bytes.little(netmem) + Bytes.little(UInt64(queues[turn].holds)) + Bytes.little(UInt64(0))
        return (0, time, record(Self.holdID, cpu: 0, words))
    }

    private mutating func release() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        // Any of them: users return buffers in any order.
        let place = Int(random(UInt64(queues[turn].held.count)))
        queues[turn].held.swapAt(place, queues[turn].held.count - 1)
        let netmem = queues[turn].held.removeLast()
        queues[turn].free.append(netmem)
        queues[turn].releases += 1
        let cpu = left % 4 == 0 ? 0 : 1
        let words = Bytes.little(netmem) + Bytes.little(UInt64(queues[turn].releases)) + Bytes.little(UInt64(0))
        return (cpu, time, record(Self.releaseID, cpu: cpu, words))
    }

    private mutating func drain() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        guard queues[turn].held.isEmpty else { return release() }
        let freed = poolRelease()
        let queue = queues[turn]
        // The allocator gives every other pool the address of the one before.
        pools += 1
        queues[turn] = Queue(pool: pools % 2 == 0 ? queue.pool : Self.address(pools), free: queue.free)
        return freed
    }

    private mutating func poolRelease() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        let queue = queues[turn]
        queues[turn].attempts += 1
        let counts = Bytes.little(UInt32(queue.held.count)) + Bytes.little(queue.holds) + Bytes.little(UInt64(queue.releases))
        return (1, time, record(Self.poolReleaseID, cpu: 1, counts + Bytes.little(queue.attempts)))
    }

    private func record(_ id: UInt16, cpu: Int, _ words: [UInt8]) -> [UInt8] {
        // The poll runs in a soft interrupt, the user in its task.
        let flags: UInt8 = cpu == 0 ? 0x10 : 0
        let task = cpu == 0 ? Self.poller : Self.user
        return Bytes.little(id) + [flags, 1] + Bytes.little(task) + Bytes.little(queues[turn].pool) + words
    }

    private mutating func random(_ bound: UInt64) -> UInt64 { generator.next() % bound }
}

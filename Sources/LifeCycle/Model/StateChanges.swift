// SPDX-License-Identifier: GPL-2.0

/// Changes that several steps have in common.
extension ModelState {
    @inline(__always)
    func with(_ index: Int, _ buffer: Buffer) -> ModelState {
        var state = self
        state.set(index, buffer)
        return state
    }

    /// The driver allocates a buffer out of its pool's cache or ring.
    func allocating(_ index: Int, _ buffer: Buffer) -> ModelState {
        var taken = buffer
        taken.place = .out
        taken.stack = min(taken.stack + 1, 3)
        return with(index, taken)
    }

    /// The provider's release callback; the count follows in another step.
    mutating func release(_ index: Int, _ buffer: Buffer, _ fault: Fault?, to owner: Int) {
        var released = buffer
        released.place = .out
        released.count = 0
        if fault != .releaseKeepsOwner { released.owner = 0 }
        switch fault {
        case .releaseOmitsFreeList: break
        case .releaseFreesTwice: released.free += 2
        default: released.free += 1
        }
        set(index, released)
        addPending(owner)
    }

    /// One more release of the pool is to be counted.
    mutating func addPending(_ owner: Int) {
        guard owner != 0 else { return }
        var pool = self.pool(owner)
        pool.pending = min(pool.pending + 1, 3)
        set(pool: owner, pool)
    }

    mutating func destroyPool(_ index: Int) {
        guard index != 0 else { return }
        var pool = self.pool(index)
        pool.state = .destroying
        set(pool: index, pool)
    }

    /// The ring is closed: the entries of its refill ring are dropped.
    mutating func closeRing(_ buffers: Int) {
        set(.closing, true)
        for index in 0..<buffers {
            var buffer = self.buffer(index)
            buffer.posted = 0
            set(index, buffer)
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

/// Buffers that are returned to their pool, and pools that are destroyed.
extension Transitions {
    /// A buffer in the pool's cache or ring, or being put into it.
    func inPool<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        let owner = buffer.owner
        guard owner != 0 else { return }
        let pool = state.pool(owner)
        switch buffer.place {
        case .out: return
        case .transit:
            if fault == .releaseCountedFirst && buffer.dropping > 0 {
                var free = Buffer.onFreeList
                free.user = buffer.user
                sink.add(state.with(index, free), Step(.returnToProvider, buffer: index, pool: owner))
                return
            }
            if pool.state == .freed {
                var next = state
                next.set(.freedPoolUsed, true)
                sink.add(next, Step(.recycleInRing, buffer: index, pool: owner))
                return
            }
            if pool.state == .live || fault == .cacheAfterDestroy {
                var cached = buffer
                cached.place = .cache
                // This cache is not emptied again. A count of 0 distinguishes the buffer from one that was cached before the destroy.
                if pool.state == .destroying { cached.count = 0 }
                sink.add(state.with(index, cached), Step(.recycleInCache, buffer: index, pool: owner))
            }
            if !pool.producing {
                if count(in: .ring, of: owner, state) < configuration.ringCapacity {
                    var next = state
                    var ringed = buffer
                    ringed.place = .ring
                    next.set(index, ringed)
                    var busy = pool
                    busy.producing = true
                    next.set(pool: owner, busy)
                    sink.add(next, Step(.recycleInRing, buffer: index, pool: owner))
                } else {
                    returnToProvider(state, index, buffer, .returnToProvider, &sink)
                }
            }
        case .cache:
            // page_pool_empty_alloc_cache_once(): the cache is emptied once; a buffer that is cached later stays.
            if pool.state == .destroying && fault != .cacheNotEmptied && buffer.count != 0 && view.canPut {
                returnToProvider(state, index, buffer, .emptyPool, &sink)
            }
        case .ring:
            if pool.state == .destroying && fault != .ringNotEmptied && view.canPut {
                returnToProvider(state, index, buffer, .emptyPool, &sink)
            }
        }
    }

    /// `page_pool_return_netmem()` without the count.
    func returnToProvider<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ kind: Step.Kind, _ sink: inout Sink
    ) {
        let owner = buffer.owner
        var next = state
        let pool = state.pool(owner)
        if fault == .releaseCountedFirst {
            // Counted before the buffer is returned: `dropping` marks that.
            if buffer.dropping == 0 {
                var counted = buffer
                counted.place = .transit
                counted.dropping = 1
                next.set(index, counted)
                var less = pool
                less.inflight -= 1
                next.set(pool: owner, less)
                sink.add(next, Step(kind, buffer: index, pool: owner))
            }
            return
        }
        guard pool.pending < 3 else { return }
        next.release(index, buffer, fault, to: owner)
        sink.add(next, Step(kind, buffer: index, pool: owner))
    }

    func count(in place: Place, of owner: Int, _ state: ModelState) -> Int {
        var count = 0
        for index in 0..<configuration.buffers {
            let buffer = state.buffer(index)
            if buffer.place == place && buffer.owner == owner { count += 1 }
        }
        return count
    }

    /// The producer lock, counting, and the free of each pool.
    func pools<Sink: SuccessorSink & ~Copyable>(_ state: ModelState, _ sink: inout Sink) {
        for index in 1...configuration.pools {
            let pool = state.pool(index)
            guard pool.state != .absent else { continue }
            if pool.producing {
                var next = state
                var left = pool
                left.producing = false
                if pool.state == .freed { next.set(.freedPoolUsed, true) }
                next.set(pool: index, left)
                sink.add(next, Step(.unlockRing, pool: index))
            }
            if pool.pending > 0 {
                var next = state
                var counted = pool
                counted.pending -= 1
                if fault != .releaseNotCounted { counted.inflight -= fault == .releaseCountedTwice ? 2 : 1 }
                if pool.state == .freed { next.set(.freedPoolUsed, true) }
                next.set(pool: index, counted)
                sink.add(next, Step(.countRelease, pool: index))
            }
            if pool.state == .destroying && (pool.inflight == 0 || fault == .poolFreedEarly)
                && (!pool.producing || fault == .poolIgnoresProducer)
            {
                var next = state
                var freed = pool
                freed.state = .freed
                next.set(pool: index, freed)
                sink.add(next, Step(.freePool, pool: index))
            }
        }
    }
}

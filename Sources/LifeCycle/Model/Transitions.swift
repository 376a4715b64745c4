// SPDX-License-Identifier: GPL-2.0

/// Takes what can follow a state.
protocol SuccessorSink: ~Copyable {
    mutating func take(_ state: ModelState, _ step: Step)
}

/// The transition relation: from a state, everything that any of the actors can do next.
///
/// What one step does at once is what the kernel does under a lock or with one atomic operation; two things that another CPU can
/// see apart are two steps. Orders that the kernel keeps are kept: an allocation looks into the cache, then the ring, then
/// asks the provider, and zcrx looks into its refill ring before its free list.
struct Transitions {
    let configuration: Configuration
    private let fault: Fault?
    private let zcrx: Bool
    private let unified: Bool

    init(_ configuration: Configuration) {
        self.configuration = configuration
        fault = configuration.fault
        zcrx = configuration.provider == .zcrx
        // Pages were counted like this all along: no design changes them.
        unified = configuration.design == .unifiedRefCount || configuration.provider == .none
    }

    /// What can follow the current buffers and pools, gathered once a state.
    private struct View {
        var live = 0
        var freeBuffers = false
        var cached = false
        var ringed = false
        var refillable = false
        var delivering = false
        /// Another put can begin: a CPU is left for it.
        var canPut = false
    }

    func forEach<Sink: SuccessorSink & ~Copyable>(from state: ModelState, into sink: inout Sink) {
        var view = View()
        var puts = 0
        for index in 1...configuration.pools {
            let pool = state.pool(index)
            if pool.state == .live { view.live = index }
            puts &+= pool.pending
        }
        for index in 0..<configuration.buffers {
            let buffer = state.buffer(index)
            if view.live != 0 && buffer.owner == view.live {
                if buffer.place == .cache { view.cached = true }
                if buffer.place == .ring { view.ringed = true }
            }
            if buffer.place == .transit { puts &+= 1 }
            puts &+= buffer.dropping
            if buffer.posted > 0 { view.refillable = true }
            if buffer.delivering { view.delivering = true }
            if buffer.free > 0 { view.freeBuffers = true }
        }
        view.canPut = puts < configuration.concurrentPuts
        var previous: Buffer?
        for index in 0..<configuration.buffers {
            let buffer = state.buffer(index)
            // Equal buffers have equal futures.
            if configuration.symmetry, buffer == previous { continue }
            previous = buffer
            if view.live != 0 { allocate(state, index, buffer, view, &sink) }
            references(state, index, buffer, view, &sink)
            if configuration.userReferences > 0 { user(state, index, buffer, view, &sink) }
            if buffer.place != .out { pooled(state, index, buffer, view, &sink) }
        }
        pools(state, &sink)
        ends(state, view, &sink)
    }

    // MARK: - The driver takes a buffer

    private func allocate<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        let mine = buffer.owner == view.live
        if buffer.place == .cache && mine {
            sink.take(state.giving(index, buffer), Step(.takeFromCache, buffer: index, pool: view.live))
            return
        }
        guard !view.cached else { return }
        if buffer.place == .ring && mine {
            sink.take(state.giving(index, buffer), Step(.takeFromRing, buffer: index, pool: view.live))
            return
        }
        guard !view.ringed else { return }
        if zcrx && buffer.posted > 0 {
            refill(state, index, buffer, view, &sink)
            return
        }
        guard !view.refillable, buffer.free > 0 else { return }
        var next = state
        var taken = buffer
        taken.free -= 1
        taken.owner = view.live
        taken.count = 1
        taken.stack = min(taken.stack + 1, 3)
        // A buffer is on the free list only when nobody holds it: a second entry is a second owner.
        if buffer.owner != 0 && (buffer.place != .out || buffer.isReferenced) { next.set(.heldTwice, true) }
        next.set(index, taken)
        var pool = next.pool(view.live)
        pool.inflight += 1
        next.set(pool: view.live, pool)
        sink.take(next, Step(.allocate, buffer: index, pool: view.live))
    }

    /// `zcrx_put_refill_niov()`: one entry of the refill ring.
    private func refill<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        let live = view.live
        var next = state
        var returned = buffer
        returned.posted -= 1
        if returned.user == 0 && fault != .refillUnchecked {
            next.set(index, returned)
            sink.take(next, Step(.refillIgnore, buffer: index, pool: live))
            return
        }
        returned.user = max(returned.user - 1, 0)
        returned.count -= 1
        guard returned.count == 0 else {
            next.set(index, returned)
            sink.take(next, Step(.refillUnreference, buffer: index, pool: live))
            return
        }
        returned.count = 1
        if returned.owner == live || (fault == .refillTakesForeign && returned.owner != 0) {
            if returned.owner != live { next.set(.heldTwice, true) }
            returned.stack = min(returned.stack + 1, 3)
            next.set(index, returned)
            sink.take(next, Step(.refillReuse, buffer: index, pool: live))
            return
        }
        guard view.canPut || returned.owner == 0 else { return }
        returnNiov(&next, index, returned)
        sink.take(next, Step(.refillLast, buffer: index, pool: live))
    }

    // MARK: - References

    private func references<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        if buffer.stack > 0 {
            if buffer.stack < configuration.stackReferences {
                var more = buffer
                more.stack += 1
                more.count += 1
                sink.take(state.with(index, more), Step(.takeReference, buffer: index, pool: buffer.owner))
            }
            // A delivery works on an skb that the receive queue keeps meanwhile.
            if buffer.stack > (buffer.delivering ? 1 : 0) {
                var less = buffer
                less.stack -= 1
                put(state, index, less, .dropReference, view, &sink)
            }
        }
        if buffer.dropping > 0 && buffer.place != .transit { finishPut(state, index, buffer, &sink) }
    }

    /// A put that goes to the pool (`napi_pp_put_page()`, `page_pool_iov_put_many()`), its reference taken off its holder already.
    private func put<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ kind: Step.Kind, _ view: View, _ sink: inout Sink
    ) {
        var less = buffer
        if unified && fault != .putNotAtomic {
            less.count -= 1
            if less.count == 0 {
                guard view.canPut else { return }
                less.count = 1
                less.place = .transit
            }
            sink.take(state.with(index, less), Step(kind, buffer: index, pool: buffer.owner))
            return
        }
        guard view.canPut else { return }
        if !unified && less.count == 1 {
            // page_pool_put_page() sees that it is the only one: the buffer is recycled with its reference.
            less.place = .transit
        } else {
            less.dropping += 1
        }
        sink.take(state.with(index, less), Step(kind, buffer: index, pool: buffer.owner))
    }

    /// The second half of a put that saw others.
    private func finishPut<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ sink: inout Sink
    ) {
        var next = state
        var less = buffer
        less.dropping -= 1
        less.count -= 1
        let step = Step(.finishPut, buffer: index, pool: buffer.owner)
        if unified {
            // The fault: looking and writing are two steps.
            if less.count == 0 {
                less.count = 1
                less.place = .transit
            }
            sink.take(state.with(index, less), step)
            if buffer.dropping > 1 {
                var lost = buffer
                lost.dropping -= 2
                lost.count -= 1
                sink.take(state.with(index, lost), step)
            }
            return
        }
        let home = less.count == 0
        if configuration.design == .rework {
            guard state.pool(less.owner).pending < 3 else { return }
            // The provider's answer: did the buffer come home?
            if home {
                next.release(index, less, fault, to: less.owner)
            } else {
                next.set(index, less)
                if fault == .answerIgnored { next.addPending(less.owner) }
            }
            sink.take(next, step)
            return
        }
        // beforeRework: the pool lets go and counts, whoever else holds the buffer.
        let owner = less.owner
        guard owner == 0 || state.pool(owner).pending < 3 else { return }
        if home { freeDirectly(&next, index, less) } else { next.set(index, less) }
        next.addPending(owner)
        sink.take(next, step)
    }

    /// `__page_pool_iov_free()` before the rework: it asks the buffer's pool for its provider, and knows devmem only.
    private func freeDirectly(_ state: inout ModelState, _ index: Int, _ buffer: Buffer) {
        if buffer.owner != 0 && state.pool(buffer.owner).state == .freed { state.set(.freedPoolNamed, true) }
        var freed = buffer
        if configuration.provider != .zcrx {
            freed.free += 1
            freed.owner = 0
        }
        state.set(index, freed)
    }

    // MARK: - User space

    private func user<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        if zcrx { ring(state, index, buffer, view, &sink) } else { tokens(state, index, buffer, view, &sink) }
    }

    private func tokens<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        if buffer.delivering {
            // tcp_xa_pool_commit_locked() puts the buffer where its token was reserved, if that is still there.
            var done = buffer
            done.delivering = false
            done.user += 1
            sink.take(state.with(index, done), Step(.deliver, buffer: index, pool: buffer.owner))
            // sock_devmem_dontneed() of a token that was never given out erases the reservation.
            var erased = buffer
            erased.delivering = false
            sink.take(state.with(index, erased), Step(.eraseReservation, buffer: index, pool: buffer.owner))
        } else if buffer.stack > 0 && buffer.user < configuration.userReferences && state.has(.socket) && !view.delivering {
            var more = buffer
            if configuration.strict { more.delivering = true } else { more.user += 1 }
            if fault != .deliverWithoutReference { more.count += 1 }
            sink.take(state.with(index, more), Step(configuration.strict ? .startDelivery : .deliver, buffer: index, pool: buffer.owner))
        }
        guard buffer.user > 0, state.has(.socket) || fault != .closeForgetsTokens else { return }
        var less = buffer
        less.user -= 1
        if fault == .dontneedForgetsPut && state.has(.socket) {
            sink.take(state.with(index, less), Step(.returnToken, buffer: index, pool: buffer.owner))
        } else if configuration.design == .beforeRework {
            // The last put by-passes the pool.
            var next = state
            less.count -= 1
            if less.count == 0 { freeDirectly(&next, index, less) } else { next.set(index, less) }
            sink.take(next, Step(.returnToken, buffer: index, pool: buffer.owner))
        } else {
            put(state, index, less, .returnToken, view, &sink)
        }
    }

    private func ring<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        let closing = state.has(.closing)
        if closing && buffer.user > 0 && fault != .scrubSkipsUserReferences && (state.has(.socket) || fault != .scrubsOnlyOnce) {
            scrub(state, index, buffer, view, &sink)
        }
        guard state.has(.socket) else { return }
        if buffer.delivering {
            var done = buffer
            done.delivering = false
            if fault == .userReferenceFirst { done.count += 1 } else { done.user += 1 }
            sink.take(state.with(index, done), Step(.deliver, buffer: index, pool: buffer.owner))
        } else if buffer.stack > 0 && buffer.user < configuration.userReferences && !view.delivering {
            var more = buffer
            more.delivering = true
            switch fault {
            case .deliverWithoutReference: break
            case .userReferenceFirst: more.user += 1
            default: more.count += 1
            }
            sink.take(state.with(index, more), Step(.startDelivery, buffer: index, pool: buffer.owner))
        }
        if buffer.free > 0 {
            // io_alloc_fallback_niov(), io_zcrx_copy_chunk(): the data is copied, the pool never hears of it.
            var copy = buffer
            copy.free -= 1
            copy.count = 1
            copy.user = min(copy.user + 1, 3)
            if buffer.owner != 0 && (buffer.place != .out || buffer.isReferenced) {
                var twice = state.with(index, copy)
                twice.set(.heldTwice, true)
                sink.take(twice, Step(.copyFallback, buffer: index))
            } else {
                sink.take(state.with(index, copy), Step(.copyFallback, buffer: index))
            }
        }
        // A ring that is going has no refill ring that anybody could use.
        guard !closing else { return }
        let allowed = min(buffer.user + (configuration.hostile ? 1 : 0), configuration.userReferences)
        if buffer.posted < allowed {
            var posted = buffer
            posted.posted += 1
            sink.take(state.with(index, posted), Step(.post, buffer: index))
        }
        if buffer.posted > 0 { flush(state, index, buffer, view, &sink) }
    }

    /// `zcrx_return_buffers()`: user space has the kernel look at the refill ring, away from any pool.
    private func flush<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        var next = state
        var returned = buffer
        returned.posted -= 1
        let step = Step(.flush, buffer: index, pool: buffer.owner)
        if returned.user == 0 && fault != .refillUnchecked {
            next.set(index, returned)
        } else {
            returned.user = max(returned.user - 1, 0)
            returned.count -= 1
            if returned.count == 0 {
                guard view.canPut || returned.owner == 0 else { return }
                returned.count = 1
                returnNiov(&next, index, returned)
            } else {
                next.set(index, returned)
            }
        }
        sink.take(next, step)
    }

    /// `io_zcrx_scrub_area()`: what the user has is taken back when the ring goes.
    private func scrub<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        var next = state
        var scrubbed = buffer
        let references = scrubbed.user
        scrubbed.user = 0
        if fault != .scrubForgetsPoolReference { scrubbed.count -= references }
        if scrubbed.count == 0 {
            guard view.canPut || scrubbed.owner == 0 else { return }
            scrubbed.count = 1
            returnNiov(&next, index, scrubbed)
        } else {
            next.set(index, scrubbed)
        }
        sink.take(next, Step(.scrubUser, buffer: index, pool: buffer.owner))
    }

    /// `io_zcrx_return_niov()`: to its pool, or to the free list if it has none.
    private func returnNiov(_ state: inout ModelState, _ index: Int, _ buffer: Buffer) {
        var returned = buffer
        if returned.owner == 0 {
            if fault == .fallbackCounted {
                for pool in 1...configuration.pools where state.pool(pool).isThere { state.addPending(pool) }
            }
            returned.count = 0
            returned.free += 1
            state.set(index, returned)
        } else if configuration.design == .beforeRework {
            freeDirectly(&state, index, returned)
        } else {
            returned.place = .transit
            state.set(index, returned)
        }
    }

    // MARK: - In the pool

    private func pooled<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        let owner = buffer.owner
        guard owner != 0 else { return }
        let pool = state.pool(owner)
        switch buffer.place {
        case .out: return
        case .transit:
            if fault == .releaseCountedFirst && buffer.dropping > 0 {
                var home = Buffer.atHome
                home.user = buffer.user
                sink.take(state.with(index, home), Step(.returnToProvider, buffer: index, pool: owner))
                return
            }
            if pool.state == .freed {
                var next = state
                next.set(.freedPoolNamed, true)
                sink.take(next, Step(.recycleInRing, buffer: index, pool: owner))
                return
            }
            if pool.state == .live || fault == .cacheAfterDestroy {
                var cached = buffer
                cached.place = .cache
                // Nobody looks into this cache again: without its count, to tell it from one that was there in time.
                if pool.state == .destroying { cached.count = 0 }
                sink.take(state.with(index, cached), Step(.recycleInCache, buffer: index, pool: owner))
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
                    sink.take(next, Step(.recycleInRing, buffer: index, pool: owner))
                } else {
                    returnToProvider(state, index, buffer, .returnToProvider, &sink)
                }
            }
        case .cache:
            // page_pool_empty_alloc_cache_once(): only the first look empties the cache; what comes later stays.
            if pool.state == .destroying && fault != .cacheNotEmptied && buffer.count != 0 && view.canPut {
                returnToProvider(state, index, buffer, .emptyPool, &sink)
            }
        case .ring:
            if pool.state == .destroying && fault != .ringNotEmptied && view.canPut {
                returnToProvider(state, index, buffer, .emptyPool, &sink)
            }
        }
    }

    /// `page_pool_return_netmem()`, up to the counting.
    private func returnToProvider<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ kind: Step.Kind, _ sink: inout Sink
    ) {
        let owner = buffer.owner
        var next = state
        let pool = state.pool(owner)
        if fault == .releaseCountedFirst {
            // Counted while the buffer is still on its way: `dropping` says that it is.
            if buffer.dropping == 0 {
                var counted = buffer
                counted.place = .transit
                counted.dropping = 1
                next.set(index, counted)
                var less = pool
                less.inflight -= 1
                next.set(pool: owner, less)
                sink.take(next, Step(kind, buffer: index, pool: owner))
            }
            return
        }
        guard pool.pending < 3 else { return }
        next.release(index, buffer, fault, to: owner)
        sink.take(next, Step(kind, buffer: index, pool: owner))
    }

    private func count(in place: Place, of owner: Int, _ state: ModelState) -> Int {
        var count = 0
        for index in 0..<configuration.buffers {
            let buffer = state.buffer(index)
            if buffer.place == place && buffer.owner == owner { count += 1 }
        }
        return count
    }

    private func pools<Sink: SuccessorSink & ~Copyable>(_ state: ModelState, _ sink: inout Sink) {
        for index in 1...configuration.pools {
            let pool = state.pool(index)
            guard pool.state != .absent else { continue }
            if pool.producing {
                var next = state
                var left = pool
                left.producing = false
                if pool.state == .freed { next.set(.freedPoolNamed, true) }
                next.set(pool: index, left)
                sink.take(next, Step(.leaveRing, pool: index))
            }
            if pool.pending > 0 {
                var next = state
                var counted = pool
                counted.pending -= 1
                if fault != .releaseNotCounted { counted.inflight -= fault == .releaseCountedTwice ? 2 : 1 }
                if pool.state == .freed { next.set(.freedPoolNamed, true) }
                next.set(pool: index, counted)
                sink.take(next, Step(.countRelease, pool: index))
            }
            if pool.state == .destroying && (pool.inflight == 0 || fault == .poolFreedEarly)
                && (!pool.producing || fault == .poolIgnoresProducer)
            {
                var next = state
                var freed = pool
                freed.state = .freed
                next.set(pool: index, freed)
                sink.take(next, Step(.freePool, pool: index))
            }
        }
    }

    // MARK: - The ends

    private func ends<Sink: SuccessorSink & ~Copyable>(_ state: ModelState, _ view: View, _ sink: inout Sink) {
        let provider = configuration.provider
        if state.has(.installed) {
            if view.live != 0 && view.live < configuration.pools {
                // netdev_rx_queue_restart(): the new pool first, then the end of the old one.
                var next = state
                next.destroyPool(view.live)
                var fresh = Pool.fresh
                fresh.unreferenced = fault == .restartForgetsProvider
                next.set(pool: view.live + 1, fresh)
                sink.take(next, Step(.restart, pool: view.live + 1))
            }
            if !zcrx {
                var next = state
                next.destroyPool(view.live)
                next.set(.installed, false)
                sink.take(next, Step(.close, pool: view.live))
            }
        }
        if zcrx && !state.has(.closing) {
            // io_terminate_zcrx(): the queue is closed first, while requests may still run.
            var next = state
            if state.has(.installed) {
                next.destroyPool(view.live)
                next.set(.installed, false)
                if fault != .uninstallForgetsUnmap { next.set(.mapped, false) }
            }
            next.closeRing(configuration.buffers)
            sink.take(next, Step(.close, pool: view.live))
        }
        if state.has(.device) && (state.has(.installed) || configuration.strict) {
            var next = state
            next.set(.device, false)
            next.set(.installed, false)
            next.destroyPool(view.live)
            if zcrx && fault != .uninstallForgetsUnmap { next.set(.mapped, false) }
            sink.take(next, Step(.removeDevice, pool: view.live))
        }
        if state.has(.socket) && (provider == .devmem || (zcrx && state.has(.closing))) && !view.delivering {
            var next = state
            next.set(.socket, false)
            sink.take(next, Step(.closeSocket))
        }
        if state.has(.handle) && !state.has(.installed) && (!zcrx || isScrubbed(state)) {
            var next = state
            next.set(.handle, false)
            sink.take(next, Step(.dropHandle))
        }
        if !state.has(.handle) && !state.has(.providerFreed) && (fault == .providerFreedEarly || !isReferenced(state)) {
            var next = state
            next.set(.providerFreed, true)
            if fault != .freeForgetsUnmap && !zcrx { next.set(.mapped, false) }
            sink.take(next, Step(.freeProvider))
        }
    }

    /// A pool has a reference on the provider until it is freed.
    private func isReferenced(_ state: ModelState) -> Bool {
        for index in 1...configuration.pools {
            let pool = state.pool(index)
            if pool.isThere && !pool.unreferenced { return true }
        }
        return false
    }

    private func isScrubbed(_ state: ModelState) -> Bool {
        guard state.has(.closing) && !state.has(.socket) else { return false }
        if fault == .scrubSkipsUserReferences || fault == .scrubsOnlyOnce { return true }
        for index in 0..<configuration.buffers where state.buffer(index).user > 0 { return false }
        return true
    }
}

extension ModelState {
    @inline(__always)
    func with(_ index: Int, _ buffer: Buffer) -> ModelState {
        var state = self
        state.set(index, buffer)
        return state
    }

    /// The driver takes a buffer that its pool kept.
    func giving(_ index: Int, _ buffer: Buffer) -> ModelState {
        var taken = buffer
        taken.place = .out
        taken.stack = min(taken.stack + 1, 3)
        return with(index, taken)
    }

    /// The provider's release callback, and a count that is still to come.
    mutating func release(_ index: Int, _ buffer: Buffer, _ fault: Fault?, to owner: Int) {
        var home = buffer
        home.place = .out
        home.count = 0
        if fault != .releaseKeepsOwner { home.owner = 0 }
        switch fault {
        case .releaseForgetsFreeList: break
        case .releaseFreesTwice: home.free += 2
        default: home.free += 1
        }
        set(index, home)
        addPending(owner)
    }

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

    /// The ring goes: what stands in its refill ring is of no use to anyone.
    mutating func closeRing(_ buffers: Int) {
        set(.closing, true)
        for index in 0..<buffers {
            var buffer = self.buffer(index)
            buffer.posted = 0
            set(index, buffer)
        }
    }
}

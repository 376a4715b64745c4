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
    let fault: Fault?
    let zcrx: Bool
    let unified: Bool

    init(_ configuration: Configuration) {
        self.configuration = configuration
        fault = configuration.fault
        zcrx = configuration.provider == .zcrx
        // Pages were counted like this all along: no design changes them.
        unified = configuration.design == .unifiedRefCount || configuration.provider == .none
    }

    /// What can follow the current buffers and pools, gathered once a state.
    struct View {
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

    func allocate<Sink: SuccessorSink & ~Copyable>(
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
    func refill<Sink: SuccessorSink & ~Copyable>(
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

    func references<Sink: SuccessorSink & ~Copyable>(
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
    func put<Sink: SuccessorSink & ~Copyable>(
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
    func finishPut<Sink: SuccessorSink & ~Copyable>(
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
    func freeDirectly(_ state: inout ModelState, _ index: Int, _ buffer: Buffer) {
        if buffer.owner != 0 && state.pool(buffer.owner).state == .freed { state.set(.freedPoolNamed, true) }
        var freed = buffer
        if configuration.provider != .zcrx {
            freed.free += 1
            freed.owner = 0
        }
        state.set(index, freed)
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

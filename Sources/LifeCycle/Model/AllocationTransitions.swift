// SPDX-License-Identifier: GPL-2.0

/// The driver allocates a buffer: from the pool's cache or ring, from the refill ring, or from the provider.
extension Transitions {
    func allocate<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        let mine = buffer.owner == view.live
        if buffer.place == .cache && mine {
            sink.add(state.allocating(index, buffer), Step(.takeFromCache, buffer: index, pool: view.live))
            return
        }
        guard !view.cached else { return }
        if buffer.place == .ring && mine {
            sink.add(state.allocating(index, buffer), Step(.takeFromRing, buffer: index, pool: view.live))
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
        // A buffer on the free list must not be held: if it is, it now has two owners.
        if buffer.owner != 0 && (buffer.place != .out || buffer.isReferenced) { next.set(.heldTwice, true) }
        next.set(index, taken)
        var pool = next.pool(view.live)
        pool.inflight += 1
        next.set(pool: view.live, pool)
        sink.add(next, Step(.allocate, buffer: index, pool: view.live))
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
            sink.add(next, Step(.refillIgnore, buffer: index, pool: live))
            return
        }
        returned.user = max(returned.user - 1, 0)
        returned.count -= 1
        guard returned.count == 0 else {
            next.set(index, returned)
            sink.add(next, Step(.refillUnreference, buffer: index, pool: live))
            return
        }
        returned.count = 1
        if returned.owner == live || (fault == .refillTakesForeign && returned.owner != 0) {
            if returned.owner != live { next.set(.heldTwice, true) }
            returned.stack = min(returned.stack + 1, 3)
            next.set(index, returned)
            sink.add(next, Step(.refillReuse, buffer: index, pool: live))
            return
        }
        guard view.canPut || returned.owner == 0 else { return }
        returnNiov(&next, index, returned)
        sink.add(next, Step(.refillLast, buffer: index, pool: live))
    }
}

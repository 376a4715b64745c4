// SPDX-License-Identifier: GPL-2.0

/// What user space does, and what is done for it: devmem's tokens; zcrx's deliveries, copies, refill ring and scrub.
extension Transitions {
    func user<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        if zcrx { ring(state, index, buffer, view, &sink) } else { tokens(state, index, buffer, view, &sink) }
    }

    func tokens<Sink: SuccessorSink & ~Copyable>(
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

    func ring<Sink: SuccessorSink & ~Copyable>(
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
    func flush<Sink: SuccessorSink & ~Copyable>(
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
    func scrub<Sink: SuccessorSink & ~Copyable>(
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
    func returnNiov(_ state: inout ModelState, _ index: Int, _ buffer: Buffer) {
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
}

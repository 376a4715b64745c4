// SPDX-License-Identifier: GPL-2.0

/// zcrx: deliveries, the copy fallback, the refill ring and the scrub.
extension Transitions {
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
            sink.add(state.with(index, done), Step(.deliver, buffer: index, pool: buffer.owner))
        } else if buffer.stack > 0 && buffer.user < configuration.userReferences && !view.delivering {
            var more = buffer
            more.delivering = true
            switch fault {
            case .deliverWithoutReference: break
            case .userReferenceFirst: more.user += 1
            default: more.count += 1
            }
            sink.add(state.with(index, more), Step(.startDelivery, buffer: index, pool: buffer.owner))
        }
        if buffer.free > 0 {
            // io_alloc_fallback_niov(), io_zcrx_copy_chunk(): the data is copied, the pool is not involved.
            var copy = buffer
            copy.free -= 1
            copy.count = 1
            copy.user = min(copy.user + 1, 3)
            if buffer.owner != 0 && (buffer.place != .out || buffer.isReferenced) {
                var twice = state.with(index, copy)
                twice.set(.heldTwice, true)
                sink.add(twice, Step(.copyFallback, buffer: index))
            } else {
                sink.add(state.with(index, copy), Step(.copyFallback, buffer: index))
            }
        }
        // While the ring is being closed, its refill ring is not used.
        guard !closing else { return }
        let allowed = min(buffer.user + (configuration.hostile ? 1 : 0), configuration.userReferences)
        if buffer.posted < allowed {
            var posted = buffer
            posted.posted += 1
            sink.add(state.with(index, posted), Step(.post, buffer: index))
        }
        if buffer.posted > 0 { flush(state, index, buffer, view, &sink) }
    }

    /// `zcrx_return_buffers()`: user space makes the kernel process the refill ring, outside of any pool.
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
            guard returnIfLast(&next, index, returned, view) else { return }
        }
        sink.add(next, step)
    }

    /// `io_zcrx_scrub_area()`: the user's references are dropped when the ring is closed.
    func scrub<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        var next = state
        var scrubbed = buffer
        let references = scrubbed.user
        scrubbed.user = 0
        if fault != .scrubOmitsPoolReference { scrubbed.count -= references }
        guard returnIfLast(&next, index, scrubbed, view) else { return }
        sink.add(next, Step(.scrubUser, buffer: index, pool: buffer.owner))
    }

    /// Stores a buffer whose references were dropped; one without any is returned.
    ///
    /// - Returns: false if that return is a put for which no CPU is free.
    @inline(__always)
    func returnIfLast(_ state: inout ModelState, _ index: Int, _ buffer: Buffer, _ view: View) -> Bool {
        guard buffer.count == 0 else {
            state.set(index, buffer)
            return true
        }
        guard view.canPut || buffer.owner == 0 else { return false }
        var last = buffer
        last.count = 1
        returnNiov(&state, index, last)
        return true
    }

    /// `io_zcrx_return_niov()`: to its pool, or to the free list if it has none.
    func returnNiov(_ state: inout ModelState, _ index: Int, _ buffer: Buffer) {
        var returned = buffer
        if returned.owner == 0 {
            if fault == .fallbackCounted {
                for pool in 1...configuration.pools where state.pool(pool).exists { state.addPending(pool) }
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

// SPDX-License-Identifier: GPL-2.0

/// References of the stack, and puts.
extension Transitions {
    func references<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        if buffer.stack > 0 {
            if buffer.stack < configuration.stackReferences {
                var more = buffer
                more.stack += 1
                more.count += 1
                sink.add(state.with(index, more), Step(.takeReference, buffer: index, pool: buffer.owner))
            }
            // The receive queue holds the skb while a delivery works on it.
            if buffer.stack > (buffer.delivering ? 1 : 0) {
                var less = buffer
                less.stack -= 1
                put(state, index, less, .dropReference, view, &sink)
            }
        }
        if buffer.dropping > 0 && buffer.place != .transit { finishPut(state, index, buffer, &sink) }
    }

    /// A put that goes to the pool (`napi_pp_put_page()`, `page_pool_iov_put_many()`). The holder has dropped its reference already.
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
            sink.add(state.with(index, less), Step(kind, buffer: index, pool: buffer.owner))
            return
        }
        guard view.canPut else { return }
        if !unified && less.count == 1 {
            // page_pool_put_page() reads a count of 1: the buffer is recycled with its reference.
            less.place = .transit
        } else {
            less.dropping += 1
        }
        sink.add(state.with(index, less), Step(kind, buffer: index, pool: buffer.owner))
    }

    /// The second half of a put that read a count above 1.
    func finishPut<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ sink: inout Sink
    ) {
        var next = state
        var less = buffer
        less.dropping -= 1
        less.count -= 1
        let step = Step(.finishPut, buffer: index, pool: buffer.owner)
        if unified {
            // The fault: reading and writing the count are two steps.
            if less.count == 0 {
                less.count = 1
                less.place = .transit
            }
            sink.add(state.with(index, less), step)
            if buffer.dropping > 1 {
                var lost = buffer
                lost.dropping -= 2
                lost.count -= 1
                sink.add(state.with(index, lost), step)
            }
            return
        }
        let isLast = less.count == 0
        if configuration.design == .rework {
            guard state.pool(less.owner).pending < 3 else { return }
            // The provider's return value: was the buffer freed?
            if isLast {
                next.release(index, less, fault, to: less.owner)
            } else {
                next.set(index, less)
                if fault == .returnValueIgnored { next.addPending(less.owner) }
            }
            sink.add(next, step)
            return
        }
        // beforeRework: the pool drops the buffer and counts, even if others hold it.
        let owner = less.owner
        guard owner == 0 || state.pool(owner).pending < 3 else { return }
        if isLast { freeDirectly(&next, index, less) } else { next.set(index, less) }
        next.addPending(owner)
        sink.add(next, step)
    }

    /// `__page_pool_iov_free()` before the rework: it reads the provider from the buffer's pool, and supports devmem only.
    func freeDirectly(_ state: inout ModelState, _ index: Int, _ buffer: Buffer) {
        if buffer.owner != 0 && state.pool(buffer.owner).state == .freed { state.set(.freedPoolUsed, true) }
        var freed = buffer
        if configuration.provider != .zcrx {
            freed.free += 1
            freed.owner = 0
        }
        state.set(index, freed)
    }
}

// SPDX-License-Identifier: GPL-2.0

/// devmem: deliveries as tokens, and their return.
extension Transitions {
    func tokens<Sink: SuccessorSink & ~Copyable>(
        _ state: ModelState, _ index: Int, _ buffer: Buffer, _ view: View, _ sink: inout Sink
    ) {
        if buffer.delivering {
            // tcp_xa_pool_commit_locked() stores the buffer under its reserved token, if the reservation still exists.
            var done = buffer
            done.delivering = false
            done.user += 1
            sink.add(state.with(index, done), Step(.deliver, buffer: index, pool: buffer.owner))
            // sock_devmem_dontneed() of a token that user space has not received erases the reservation.
            var erased = buffer
            erased.delivering = false
            sink.add(state.with(index, erased), Step(.eraseReservation, buffer: index, pool: buffer.owner))
        } else if buffer.stack > 0 && buffer.user < configuration.userReferences && state.has(.socket) && !view.delivering {
            var more = buffer
            if configuration.strict { more.delivering = true } else { more.user += 1 }
            if fault != .deliverWithoutReference { more.count += 1 }
            sink.add(state.with(index, more), Step(configuration.strict ? .startDelivery : .deliver, buffer: index, pool: buffer.owner))
        }
        guard buffer.user > 0, state.has(.socket) || fault != .closeOmitsTokenRelease else { return }
        var less = buffer
        less.user -= 1
        if fault == .dontneedOmitsPut && state.has(.socket) {
            sink.add(state.with(index, less), Step(.returnToken, buffer: index, pool: buffer.owner))
        } else if configuration.design == .beforeRework {
            // The last put bypasses the pool.
            var next = state
            less.count -= 1
            if less.count == 0 { freeDirectly(&next, index, less) } else { next.set(index, less) }
            sink.add(next, Step(.returnToken, buffer: index, pool: buffer.owner))
        } else {
            put(state, index, less, .returnToken, view, &sink)
        }
    }
}

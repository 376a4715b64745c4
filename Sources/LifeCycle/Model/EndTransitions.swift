// SPDX-License-Identifier: GPL-2.0

/// How queue, ring, socket, device and provider come to their ends.
extension Transitions {
    func ends<Sink: SuccessorSink & ~Copyable>(_ state: ModelState, _ view: View, _ sink: inout Sink) {
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
    func isReferenced(_ state: ModelState) -> Bool {
        for index in 1...configuration.pools {
            let pool = state.pool(index)
            if pool.isThere && !pool.unreferenced { return true }
        }
        return false
    }

    func isScrubbed(_ state: ModelState) -> Bool {
        guard state.has(.closing) && !state.has(.socket) else { return false }
        if fault == .scrubSkipsUserReferences || fault == .scrubsOnlyOnce { return true }
        for index in 0..<configuration.buffers where state.buffer(index).user > 0 { return false }
        return true
    }
}

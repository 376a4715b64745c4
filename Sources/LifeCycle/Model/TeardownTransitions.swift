// SPDX-License-Identifier: GPL-2.0

/// Restart and teardown of queue, ring, socket, device and provider.
extension Transitions {
    func teardown<Sink: SuccessorSink & ~Copyable>(_ state: ModelState, _ view: View, _ sink: inout Sink) {
        let provider = configuration.provider
        if state.has(.installed) {
            if view.live != 0 && view.live < configuration.pools {
                // netdev_rx_queue_restart(): the new pool is made, then the old one is destroyed.
                var next = state
                next.destroyPool(view.live)
                var fresh = Pool.fresh
                fresh.unreferenced = fault == .restartOmitsProviderReference
                next.set(pool: view.live + 1, fresh)
                sink.add(next, Step(.restart, pool: view.live + 1))
            }
            if !zcrx {
                var next = state
                next.destroyPool(view.live)
                next.set(.installed, false)
                sink.add(next, Step(.close, pool: view.live))
            }
        }
        if zcrx && !state.has(.closing) {
            // io_terminate_zcrx(): the queue is closed first, while requests can still run.
            var next = state
            if state.has(.installed) {
                next.destroyPool(view.live)
                next.set(.installed, false)
                if fault != .uninstallOmitsUnmap { next.set(.mapped, false) }
            }
            next.closeRing(configuration.buffers)
            sink.add(next, Step(.close, pool: view.live))
        }
        if state.has(.device) && (state.has(.installed) || configuration.strict) {
            var next = state
            next.set(.device, false)
            next.set(.installed, false)
            next.destroyPool(view.live)
            if zcrx && fault != .uninstallOmitsUnmap { next.set(.mapped, false) }
            sink.add(next, Step(.removeDevice, pool: view.live))
        }
        if state.has(.socket) && (provider == .devmem || (zcrx && state.has(.closing))) && !view.delivering {
            var next = state
            next.set(.socket, false)
            sink.add(next, Step(.closeSocket))
        }
        if state.has(.handle) && !state.has(.installed) && (!zcrx || isScrubbed(state)) {
            var next = state
            next.set(.handle, false)
            sink.add(next, Step(.dropHandle))
        }
        if !state.has(.handle) && !state.has(.providerFreed) && (fault == .providerFreedEarly || !isReferenced(state)) {
            var next = state
            next.set(.providerFreed, true)
            if fault != .freeOmitsUnmap && !zcrx { next.set(.mapped, false) }
            sink.add(next, Step(.freeProvider))
        }
    }

    /// A pool references the provider; a pool does so until it is freed.
    func isReferenced(_ state: ModelState) -> Bool {
        for index in 1...configuration.pools {
            let pool = state.pool(index)
            if pool.exists && !pool.unreferenced { return true }
        }
        return false
    }

    /// The last request has ended, and no user reference is left.
    func isScrubbed(_ state: ModelState) -> Bool {
        guard state.has(.closing) && !state.has(.socket) else { return false }
        if fault == .scrubSkipsUserReferences || fault == .scrubsOnlyOnce { return true }
        for index in 0..<configuration.buffers where state.buffer(index).user > 0 { return false }
        return true
    }
}

// SPDX-License-Identifier: GPL-2.0

/// Collects the successors of a state.
protocol SuccessorSink: ~Copyable {
    /// - Parameters:
    ///   - state: the successor, not in canonical form.
    ///   - step: the step to it.
    mutating func add(_ state: ModelState, _ step: Step)
}

/// The transition relation: from a state, every step that any actor can take next.
///
/// A step is what the kernel does under one lock or with one atomic operation. Two changes that another CPU can observe separately
/// are two steps. Fixed orders of the kernel are kept: an allocation takes from the cache, then from the ring, then from the
/// provider, and zcrx takes from its refill ring before its free list.
struct Transitions {
    let configuration: Configuration
    let fault: Fault?
    let zcrx: Bool
    let unified: Bool

    init(_ configuration: Configuration) {
        self.configuration = configuration
        fault = configuration.fault
        zcrx = configuration.provider == .zcrx
        // Pages are counted this way in every design.
        unified = configuration.design == .unifiedRefCount || configuration.provider == .none
    }

    /// Properties of a whole state, computed once per state.
    struct View {
        /// The live pool, from 1; 0 for none.
        var live = 0
        /// The live pool's cache is not empty.
        var cached = false
        /// The live pool's ring is not empty.
        var ringed = false
        /// The refill ring is not empty.
        var refillable = false
        /// A delivery is in progress.
        var delivering = false
        /// Another put can begin: a CPU is free for it.
        var canPut = false
    }

    /// Adds every successor of `state` to `sink`.
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
        }
        view.canPut = puts < configuration.concurrentPuts
        var previous: Buffer?
        for index in 0..<configuration.buffers {
            let buffer = state.buffer(index)
            // Equal buffers have equal successors.
            if configuration.symmetry, buffer == previous { continue }
            previous = buffer
            if view.live != 0 { allocate(state, index, buffer, view, &sink) }
            references(state, index, buffer, view, &sink)
            if configuration.userReferences > 0 {
                if zcrx { ring(state, index, buffer, view, &sink) } else { tokens(state, index, buffer, view, &sink) }
            }
            if buffer.place != .out { inPool(state, index, buffer, view, &sink) }
        }
        pools(state, &sink)
        teardown(state, view, &sink)
    }
}

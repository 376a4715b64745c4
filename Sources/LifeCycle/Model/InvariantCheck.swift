// SPDX-License-Identifier: GPL-2.0

/// Checks a state against the invariants.
struct InvariantCheck {
    let configuration: Configuration

    /// The first invariant that the state breaks, or nil; the fatal ones are checked first.
    ///
    /// I7 is broken as soon as a buffer is lost: unreferenced, and in no pool and on no free list, so that no step can release it. A
    /// hold that is blocked for another reason shows in the last state: see `isClean`.
    func broken(_ state: ModelState) -> Invariant? {
        if state.has(.heldTwice) { return .holdThenRelease }
        if state.has(.freedPoolUsed) { return .poolOutlivesBuffers }
        var owned = (0, 0, 0, 0)
        var allFree = true
        var lost = false
        for index in 0..<configuration.buffers {
            let buffer = state.buffer(index)
            switch buffer.owner {
            case 0: owned.0 += 1
            case 1: if buffer.free == 0 { owned.1 += 1 }
            case 2: if buffer.free == 0 { owned.2 += 1 }
            default: if buffer.free == 0 { owned.3 += 1 }
            }
            if buffer.owner != 0 && state.pool(buffer.owner).state == .freed { return .poolOutlivesBuffers }
            if buffer.free != 1 {
                if buffer.free > 1 { return .referencedIsNotFree }
                allFree = false
                if buffer.place == .out && !buffer.isReferenced { lost = true }
            } else if buffer.isReferenced || buffer.place != .out {
                return .referencedIsNotFree
            }
            switch buffer.place {
            case .out: break
            case .cache, .ring: if buffer.isReferenced { return .referencedIsNotFree }
            case .transit: if buffer.stack > 0 || buffer.user > 0 || buffer.delivering { return .referencedIsNotFree }
            }
        }
        var anyPool = false
        var miscounted = false
        for index in 1...configuration.pools {
            let pool = state.pool(index)
            guard pool.state != .absent else { continue }
            if pool.exists { anyPool = true }
            if pool.state == .freed && (pool.producing || pool.pending > 0) { return .poolOutlivesBuffers }
            let out = index == 1 ? owned.1 : index == 2 ? owned.2 : owned.3
            if pool.inflight != out + pool.pending { miscounted = true }
        }
        if configuration.provider != .none && state.has(.providerFreed) && (anyPool || !allFree) { return .providerOutlivesPools }
        if lost { return .allReleased }
        if miscounted { return .inflightIsExact }
        if state.has(.mapped) {
            if state.has(.providerFreed) { return .unmappedAfterUninstall }
            if configuration.provider == .zcrx && !state.has(.installed) { return .unmappedAfterUninstall }
            if configuration.strict && !state.has(.device) { return .unmappedAfterUninstall }
        }
        return nil
    }

    /// I7 for a state without a successor.
    func isClean(_ state: ModelState) -> Bool {
        for index in 0..<configuration.buffers {
            let buffer = state.buffer(index)
            if buffer.free != 1 || buffer.isReferenced || buffer.place != .out || buffer.owner != 0 { return false }
        }
        for index in 1...configuration.pools where state.pool(index).exists { return false }
        return state.has(.providerFreed)
    }
}

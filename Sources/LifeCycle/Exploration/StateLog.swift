// SPDX-License-Identifier: GPL-2.0

/// States in the order in which the search found them.
struct StateLog: ~Copyable {
    private var states: UnsafeMutablePointer<ModelState>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 1 << 14) {
        self.capacity = max(16, capacity)
        states = .allocate(capacity: self.capacity)
    }

    deinit { states.deallocate() }

    var bytes: Int { capacity * MemoryLayout<ModelState>.stride }

    @inline(__always)
    subscript(index: Int) -> ModelState { states[index] }

    @inline(__always)
    mutating func append(_ state: ModelState) {
        if count == capacity { grow() }
        (states + count).initialize(to: state)
        count &+= 1
    }

    private mutating func grow() {
        let wider = UnsafeMutablePointer<ModelState>.allocate(capacity: capacity * 2)
        wider.moveInitialize(from: states, count: count)
        states.deallocate()
        states = wider
        capacity *= 2
    }
}

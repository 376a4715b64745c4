// SPDX-License-Identifier: GPL-2.0

/// A set of states: open addressing, 16 bytes a place, at most three quarters full. Zero is no state.
struct StateTable: ~Copyable {
    private var places: UnsafeMutablePointer<ModelState>
    private var mask: Int
    private(set) var count = 0

    init(capacity: Int = 1 << 16) {
        let size = max(16, capacity).nextPowerOfTwo
        places = .allocate(capacity: size)
        places.initialize(repeating: .none, count: size)
        mask = size - 1
    }

    deinit { places.deallocate() }

    var bytes: Int { (mask + 1) * MemoryLayout<ModelState>.stride }
    /// What `bytes` becomes when the next state makes it grow; the old places are still there while it does.
    var bytesWhileGrowing: Int { 3 * bytes }
    var isFull: Bool { count >= (mask + 1) / 4 * 3 }

    /// Brings the state's place into the processor's cache; the answer means nothing.
    @inline(__always)
    func touch(_ hash: UInt64) -> UInt64 { places[Int(truncatingIfNeeded: hash) & mask].low }

    /// True if the state was not there. There must be room: see `isFull`.
    @inline(__always)
    mutating func insert(_ state: ModelState, _ hash: UInt64) -> Bool {
        var at = Int(truncatingIfNeeded: hash) & mask
        while true {
            let found = places[at]
            if found.high == 0 {
                places[at] = state
                count &+= 1
                return true
            }
            if found == state { return false }
            at = (at &+ 1) & mask
        }
    }

    mutating func grow() {
        let old = places
        let oldSize = mask + 1
        let size = oldSize * 2
        places = .allocate(capacity: size)
        places.initialize(repeating: .none, count: size)
        mask = size - 1
        for index in 0..<oldSize where old[index].high != 0 {
            var at = Int(truncatingIfNeeded: old[index].hash) & mask
            while places[at].high != 0 { at = (at &+ 1) & mask }
            places[at] = old[index]
        }
        old.deallocate()
    }
}

/// States in the order in which they were found.
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

extension ModelState {
    static let none = ModelState(low: 0, high: 0)

    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }
}

extension Int {
    fileprivate var nextPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}

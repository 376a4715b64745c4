// SPDX-License-Identifier: GPL-2.0

/// A set of states: open addressing, 16 bytes per slot, at most three quarters full. Zero marks an empty slot.
struct StateTable: ~Copyable {
    private var slots: UnsafeMutablePointer<ModelState>
    private var mask: Int
    private(set) var count = 0

    init(capacity: Int = 1 << 16) {
        let size = max(16, capacity).nextPowerOfTwo
        slots = .allocate(capacity: size)
        slots.initialize(repeating: .none, count: size)
        mask = size - 1
    }

    deinit { slots.deallocate() }

    var bytes: Int { (mask + 1) * MemoryLayout<ModelState>.stride }
    /// Bytes needed while the table grows: the old slots and twice as many new ones.
    var bytesWhileGrowing: Int { 3 * bytes }
    var isFull: Bool { count >= (mask + 1) / 4 * 3 }

    /// Loads the state's slot into the processor's cache; the result has no meaning.
    @inline(__always)
    func touch(_ hash: UInt64) -> UInt64 { slots[Int(truncatingIfNeeded: hash) & mask].low }

    /// - Precondition: a slot is empty: see `isFull`.
    /// - Returns: true if the state is new.
    @inline(__always)
    mutating func insert(_ state: ModelState, _ hash: UInt64) -> Bool {
        var at = Int(truncatingIfNeeded: hash) & mask
        while true {
            let found = slots[at]
            if found.high == 0 {
                slots[at] = state
                count &+= 1
                return true
            }
            if found == state { return false }
            at = (at &+ 1) & mask
        }
    }

    mutating func grow() {
        let old = slots
        let oldSize = mask + 1
        let size = oldSize * 2
        slots = .allocate(capacity: size)
        slots.initialize(repeating: .none, count: size)
        mask = size - 1
        for index in 0..<oldSize where old[index].high != 0 {
            var at = Int(truncatingIfNeeded: old[index].hash) & mask
            while slots[at].high != 0 { at = (at &+ 1) & mask }
            slots[at] = old[index]
        }
        old.deallocate()
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

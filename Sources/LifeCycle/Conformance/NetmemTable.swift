// SPDX-License-Identifier: GPL-2.0

/// The state of each netmem. There is one lookup per event, so it uses open addressing and a plain hash.
struct NetmemTable {
    enum State: UInt8 {
        /// No event yet.
        case unknown
        case held
        case released
        /// See `NetmemLedger`.
        case ambiguous
    }

    struct Entry {
        var netmem: UInt64
        var state: State
        /// How many times the pool of `mark` has held it.
        var holds: UInt32
        /// The newest hold.
        var mark: NetmemLedger.Mark

        static let empty = Entry(netmem: 0, state: .unknown, holds: 0, mark: NetmemLedger.Mark(pool: -1, cpu: 0, event: 0, time: 0))
    }

    private var entries = [Entry](repeating: .empty, count: 1024)
    private var taken = [Bool](repeating: false, count: 1024)
    private(set) var count = 0

    @inline(__always)
    subscript(slot: Int) -> Entry {
        get { entries[slot] }
        _modify { yield &entries[slot] }
    }

    /// The slot of the netmem's entry, which is made if there is none. Valid until the next call.
    @inline(__always)
    mutating func slot(of netmem: UInt64) -> Int {
        var at = Self.first(netmem, entries.count)
        while taken[at] {
            if entries[at].netmem == netmem { return at }
            at = (at &+ 1) & (entries.count &- 1)
        }
        return insert(netmem, at)
    }

    private mutating func insert(_ netmem: UInt64, _ at: Int) -> Int {
        var at = at
        if count >= entries.count / 4 * 3 {
            grow()
            at = Self.first(netmem, entries.count)
            while taken[at] { at = (at &+ 1) & (entries.count &- 1) }
        }
        taken[at] = true
        entries[at] = .empty
        entries[at].netmem = netmem
        count += 1
        return at
    }

    private mutating func grow() {
        let old = entries
        let oldTaken = taken
        entries = [Entry](repeating: .empty, count: old.count * 2)
        taken = [Bool](repeating: false, count: old.count * 2)
        for index in old.indices where oldTaken[index] {
            var at = Self.first(old[index].netmem, entries.count)
            while taken[at] { at = (at &+ 1) & (entries.count &- 1) }
            taken[at] = true
            entries[at] = old[index]
        }
    }

    @inline(__always)
    private static func first(_ netmem: UInt64, _ size: Int) -> Int {
        // The low bits of all addresses are the same.
        Int(truncatingIfNeeded: (netmem &* 0x9e37_79b9_7f4a_7c15) >> 32) & (size &- 1)
    }
}

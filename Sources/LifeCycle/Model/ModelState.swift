// SPDX-License-Identifier: GPL-2.0

/// A state of the model in 128 bits: four buffers of 20, three pools of 10, and flags.
public struct ModelState: Hashable, Sendable {
    var low: UInt64
    var high: UInt64

    private static let poolsAt: UInt64 = Buffer.bits
    private static let flagsAt: UInt64 = poolsAt + 3 * Pool.bits

    enum Flag: UInt64 {
        /// User space has its handle open: the netlink socket of a binding, the ring of an interface queue.
        case handle = 0
        /// The provider is installed on the queue (`rxq->mp_params`).
        case installed
        /// The area is mapped for the device.
        case mapped
        /// The device exists.
        case device
        /// devmem: the data socket is open. zcrx: requests of the ring can run.
        case socket
        /// The provider was freed.
        case providerFreed
        /// A step broke I2.
        case heldTwice
        /// A step broke I3.
        case freedPoolUsed
        /// zcrx: the ring is being closed (`io_terminate_zcrx()`); its requests can still run.
        case closing
    }

    /// Bit 63 is always set: zero marks an empty slot of `StateTable`.
    static let present: UInt64 = 1 << 63

    @inline(__always)
    func buffer(_ index: Int) -> Buffer {
        index < 3
            ? Buffer(word: UInt32(truncatingIfNeeded: low >> (UInt64(truncatingIfNeeded: index) &* Buffer.bits) & Buffer.mask))
            : Buffer(word: UInt32(truncatingIfNeeded: high & Buffer.mask))
    }

    @inline(__always)
    mutating func set(_ index: Int, _ buffer: Buffer) {
        if index < 3 {
            let shift = UInt64(truncatingIfNeeded: index) &* Buffer.bits
            low = low & ~(Buffer.mask << shift) | UInt64(buffer.word) << shift
        } else {
            high = high & ~Buffer.mask | UInt64(buffer.word)
        }
    }

    /// - Parameter index: from 1, as in `Buffer.owner`.
    @inline(__always)
    func pool(_ index: Int) -> Pool {
        Pool(word: high >> (Self.poolsAt &+ UInt64(truncatingIfNeeded: index &- 1) &* Pool.bits) & Pool.mask)
    }

    @inline(__always)
    mutating func set(pool index: Int, _ pool: Pool) {
        let shift = Self.poolsAt &+ UInt64(truncatingIfNeeded: index &- 1) &* Pool.bits
        high = high & ~(Pool.mask << shift) | pool.word << shift
    }

    @inline(__always)
    func has(_ flag: Flag) -> Bool { high >> (Self.flagsAt &+ flag.rawValue) & 1 != 0 }

    @inline(__always)
    mutating func set(_ flag: Flag, _ value: Bool) {
        let bit: UInt64 = 1 << (Self.flagsAt &+ flag.rawValue)
        high = value ? high | bit : high & ~bit
    }

    /// The provider is bound to the queue and the first pool exists.
    init(initial configuration: Configuration) {
        low = 0
        high = Self.present
        for index in 0..<configuration.buffers { set(index, .onFreeList) }
        set(pool: 1, .fresh)
        set(.device, true)
        set(.installed, true)
        set(.socket, true)
        if configuration.provider != .none {
            set(.handle, true)
            set(.mapped, true)
        } else {
            set(.providerFreed, true)
        }
    }

    /// The same state with its buffers in ascending order: a permutation of the buffers does not change what can follow.
    @inline(__always)
    func canonical(_ buffers: Int) -> ModelState {
        var a = UInt32(truncatingIfNeeded: low & Buffer.mask)
        var b = UInt32(truncatingIfNeeded: low >> Buffer.bits & Buffer.mask)
        if buffers < 2 { return self }
        if buffers == 2 {
            if a <= b { return self }
            var state = self
            state.low = UInt64(b) | UInt64(a) << Buffer.bits
            return state
        }
        var c = UInt32(truncatingIfNeeded: low >> (2 * Buffer.bits) & Buffer.mask)
        var state = self
        if buffers == 3 {
            if a > b { swap(&a, &b) }
            if b > c { swap(&b, &c) }
            if a > b { swap(&a, &b) }
        } else {
            var d = UInt32(truncatingIfNeeded: high & Buffer.mask)
            if a > b { swap(&a, &b) }
            if c > d { swap(&c, &d) }
            if a > c { swap(&a, &c) }
            if b > d { swap(&b, &d) }
            if b > c { swap(&b, &c) }
            state.high = high & ~Buffer.mask | UInt64(d)
        }
        state.low = UInt64(a) | UInt64(b) << Buffer.bits | UInt64(c) << (2 * Buffer.bits)
        return state
    }

    /// The form in which an exploration keeps the state: canonical if it uses symmetry.
    @inline(__always)
    func form(for configuration: Configuration) -> ModelState {
        configuration.symmetry ? canonical(configuration.buffers) : self
    }

    @inline(__always)
    var hash: UInt64 {
        var mixed = (low ^ high &* 0x9e37_79b9_7f4a_7c15) &* 0xff51_afd7_ed55_8ccd
        mixed ^= mixed >> 32
        mixed = (mixed ^ high) &* 0xc4ce_b9fe_1a85_ec53
        return mixed ^ mixed >> 29
    }
}

// SPDX-License-Identifier: GPL-2.0

/// Where a buffer stands that nobody refers to.
enum Place: UInt32 {
    /// With those who refer to it, or with its provider.
    case out
    /// `pool->alloc.cache`
    case cache
    /// `pool->ring`
    case ring
    /// Its last reference was dropped; whoever dropped it is on the way into the pool (`page_pool_put_unrefed_netmem()`).
    case transit
}

/// One buffer in 20 bits.
struct Buffer: Equatable {
    static let bits: UInt64 = 20
    static let mask: UInt64 = (1 << bits) - 1

    var word: UInt32

    /// Home: with its provider, once, `count` 0.
    static let atHome = Buffer(word: 1 << 5 | 4 << 16)

    init(word: UInt32) { self.word = word }

    /// The pool that it names (`niov->desc.pp`), from 1; 0 for none.
    var owner: Int {
        get { Int(word & 3) }
        set { word = word & ~3 | UInt32(truncatingIfNeeded: newValue) & 3 }
    }
    var place: Place {
        get {
            switch word >> 2 & 3 {
            case 0: .out
            case 1: .cache
            case 2: .ring
            default: .transit
            }
        }
        set { word = word & ~(3 << 2) | newValue.rawValue << 2 }
    }
    /// `io_zcrx_recv_frag()` is between taking the pool's reference and the user's.
    var delivering: Bool {
        get { word >> 4 & 1 != 0 }
        set { word = word & ~(1 << 4) | (newValue ? 1 << 4 : 0) }
    }
    /// How often it is on its provider's free list.
    var free: Int {
        get { Int(word >> 5 & 3) }
        set { word = word & ~(3 << 5) | UInt32(truncatingIfNeeded: min(newValue, 3)) << 5 }
    }
    /// References of driver and stack.
    var stack: Int {
        get { Int(word >> 7 & 3) }
        set { word = word & ~(3 << 7) | (UInt32(truncatingIfNeeded: newValue) & 3) << 7 }
    }
    /// References of user space: tokens, or the user's counter (`area->user_refs`).
    var user: Int {
        get { Int(word >> 9 & 3) }
        set { word = word & ~(3 << 9) | (UInt32(truncatingIfNeeded: newValue) & 3) << 9 }
    }
    /// Entries in the refill ring that name it.
    var posted: Int {
        get { Int(word >> 11 & 3) }
        set { word = word & ~(3 << 11) | (UInt32(truncatingIfNeeded: newValue) & 3) << 11 }
    }
    /// Puts under way: looked, not yet dropped.
    var dropping: Int {
        get { Int(word >> 13 & 7) }
        set { word = word & ~(7 << 13) | (UInt32(truncatingIfNeeded: newValue) & 7) << 13 }
    }
    /// The kernel's count: `pp_ref_count`, or page_pool_iov's `refcount`. -4...11.
    var count: Int {
        get { Int(word >> 16 & 15) - 4 }
        set { word = word & ~(15 << 16) | (UInt32(truncatingIfNeeded: max(0, min(newValue + 4, 15)))) << 16 }
    }

    var isReferenced: Bool { word & (3 << 7 | 3 << 9 | 7 << 13 | 1 << 4) != 0 }
}

enum PoolState: UInt64 {
    case absent, live
    /// `page_pool_destroy()` was called; `page_pool_release_retry()` looks now and then.
    case destroying
    case freed
}

/// One pool in 10 bits.
struct Pool: Equatable {
    static let bits: UInt64 = 10
    static let mask: UInt64 = (1 << bits) - 1

    var word: UInt64

    init(word: UInt64) { self.word = word }

    /// A pool just made: `page_pool_create()`, `mp_ops->init()`.
    static let fresh = Pool(word: PoolState.live.rawValue | 4 << 2)

    var state: PoolState {
        get {
            switch word & 3 {
            case 0: .absent
            case 1: .live
            case 2: .destroying
            default: .freed
            }
        }
        set { word = word & ~3 | newValue.rawValue }
    }
    /// What the kernel's counters say, hold - release. -4...11; the ends stick.
    var inflight: Int {
        get { Int(word >> 2 & 15) - 4 }
        set { word = word & ~(15 << 2) | UInt64(max(0, min(newValue + 4, 15))) << 2 }
    }
    /// Buffers given back to the provider and not counted yet: whoever returned them is between the two.
    var pending: Int {
        get { Int(word >> 6 & 3) }
        set { word = word & ~(3 << 6) | (UInt64(truncatingIfNeeded: newValue) & 3) << 6 }
    }
    /// Somebody is inside `page_pool_recycle_in_ring()`'s producer lock.
    var producing: Bool {
        get { word >> 8 & 1 != 0 }
        set { word = word & ~(1 << 8) | (newValue ? 1 << 8 : 0) }
    }
    /// It holds no reference on its provider, by a fault.
    var unreferenced: Bool {
        get { word >> 9 & 1 != 0 }
        set { word = word & ~(1 << 9) | (newValue ? 1 << 9 : 0) }
    }

    var isThere: Bool { state == .live || state == .destroying }
}

/// A state of the model in 128 bits: four buffers of 20, three pools of 10, and flags.
public struct ModelState: Hashable, Sendable {
    var low: UInt64
    var high: UInt64

    private static let poolsAt: UInt64 = Buffer.bits
    private static let flagsAt: UInt64 = poolsAt + 3 * Pool.bits

    enum Flag: UInt64 {
        /// User space has its handle: the netlink socket of a binding, the ring of an interface queue.
        case handle = 0
        /// The provider is installed on the queue (`rxq->mp_params`).
        case installed
        /// The area is mapped for the device.
        case mapped
        /// The device is there.
        case device
        /// devmem: the data socket is open. zcrx: requests of the ring can run.
        case socket
        /// The provider was freed.
        case providerFreed
        /// A step broke I2.
        case heldTwice
        /// A step broke I3.
        case freedPoolNamed
        /// zcrx: the ring is going (`io_terminate_zcrx()`); its requests may still run.
        case closing
    }

    /// Bit 63 is always set, so that no state is zero.
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

    /// - Parameter index: from 1, as a buffer's `owner` has it.
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

    /// The provider is bound to the queue and the first pool is there.
    init(initial configuration: Configuration) {
        low = 0
        high = Self.present
        for index in 0..<configuration.buffers { set(index, .atHome) }
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

    /// The same state with its buffers in ascending order: which buffer is which makes no difference to what can follow.
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

    @inline(__always)
    var hash: UInt64 {
        var mixed = (low ^ high &* 0x9e37_79b9_7f4a_7c15) &* 0xff51_afd7_ed55_8ccd
        mixed ^= mixed >> 32
        mixed = (mixed ^ high) &* 0xc4ce_b9fe_1a85_ec53
        return mixed ^ mixed >> 29
    }
}

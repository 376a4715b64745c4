// SPDX-License-Identifier: GPL-2.0

/// The successors of one state.
struct Batch: SuccessorSink, ~Copyable {
    /// More than the steps that four buffers, three pools and the teardown can take from one state.
    private static let capacity = 128
    private let states = UnsafeMutablePointer<ModelState>.allocate(capacity: capacity)
    private let hashes = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity)
    var count = 0
    var touched: UInt64 = 0

    init() {}

    deinit {
        states.deallocate()
        hashes.deallocate()
    }

    @inline(__always)
    mutating func add(_ state: ModelState, _ step: Step) {
        precondition(count < Self.capacity)
        (states + count).initialize(to: state)
        count &+= 1
    }

    @inline(__always)
    subscript(index: Int) -> ModelState { states[index] }

    @inline(__always)
    func hash(_ index: Int) -> UInt64 { hashes[index] }

    @inline(__always)
    func set(_ index: Int, _ state: ModelState, _ hash: UInt64) {
        states[index] = state
        (hashes + index).initialize(to: hash)
    }
}

// SPDX-License-Identifier: GPL-2.0

/// The states seen so far, in levels.
struct Search: ~Copyable {
    private let configuration: Configuration
    private let transitionRelation: Transitions
    private var table = StateTable()
    private var log = StateLog()
    private var starts: [Int] = [0]
    private(set) var transitions = 0
    private var batch = Batch()

    init(_ configuration: Configuration) {
        self.configuration = configuration
        transitionRelation = Transitions(configuration)
    }

    var end: Int { log.count }
    var levelStart: Int { starts[starts.count - 1] }
    var bytes: Int { table.bytes + log.bytes }
    func state(_ index: Int) -> ModelState { log[index] }

    /// Adds the initial state.
    mutating func begin() {
        let initial = ModelState(initial: configuration).form(for: configuration)
        _ = table.insert(initial, initial.hash)
        log.append(initial)
    }

    /// The states up to `levelEnd` are expanded: what follows is the next level.
    mutating func endLevel(_ levelEnd: Int) { starts.append(levelEnd) }

    /// Adds the successors of a state.
    ///
    /// - Returns: false where the new states would take more than `memory` bytes.
    mutating func expand(_ state: ModelState, within memory: Int) -> Bool {
        batch.count = 0
        transitionRelation.forEach(from: state, into: &batch)
        let count = batch.count
        transitions &+= count
        // Every slot is read before the first is needed, so that the cache misses overlap.
        var touched: UInt64 = 0
        for index in 0..<count {
            let next = batch[index].form(for: configuration)
            let hash = next.hash
            batch.set(index, next, hash)
            touched ^= table.touch(hash)
        }
        batch.touched = touched
        for index in 0..<count {
            if table.isFull {
                guard table.bytesWhileGrowing + 3 * log.bytes <= memory else { return false }
                table.grow()
            }
            if table.insert(batch[index], batch.hash(index)) { log.append(batch[index]) }
        }
        return true
    }

    /// One shortest path to a state: back through the levels, each time to the first state that has the next one as a successor.
    func path(to target: ModelState, level: Int) -> [ModelState] {
        var path = [target]
        var next = target
        var at = level
        while at > 0 {
            at -= 1
            var found = false
            for index in starts[at]..<starts[at + 1] {
                var seeker = Seeker(target: next, configuration: configuration)
                transitionRelation.forEach(from: log[index], into: &seeker)
                guard seeker.found else { continue }
                next = log[index]
                path.append(next)
                found = true
                break
            }
            precondition(found, "a state without a predecessor")
        }
        return path.reversed()
    }
}

/// Finds one state among the successors.
private struct Seeker: SuccessorSink {
    let target: ModelState
    let configuration: Configuration
    var found = false

    init(target: ModelState, configuration: Configuration) {
        self.target = target
        self.configuration = configuration
    }

    mutating func add(_ state: ModelState, _ step: Step) {
        if state.form(for: configuration) == target { found = true }
    }
}

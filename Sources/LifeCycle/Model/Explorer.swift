// SPDX-License-Identifier: GPL-2.0

/// What an exploration found.
public struct Exploration: Sendable {
    public var configuration: Configuration
    /// Distinct states reached; with symmetry, up to which buffer is which.
    public var states: Int
    /// Steps taken from them.
    public var transitions: Int
    /// Steps of the longest of the shortest ways to a state.
    public var depth: Int
    /// The table and the log of states.
    public var bytes: Int
    public var end: End
    /// Every state within the bounds was seen.
    public var isExhaustive: Bool { end == .exhausted }
    /// The shortest way to each invariant that breaks, by invariant.
    public var counterexamples: [Counterexample]
}

extension Exploration {
    /// Why it ended.
    public enum End: Sendable {
        /// No state is left.
        case exhausted
        /// Something breaks, and longer ways have brought up nothing else for a while.
        case broken
        case outOfMemory
    }
}

/// Walks every state that a configuration can reach, breadth first, so that the first break found is a shortest one.
public struct Explorer {
    /// How far it got, for those who wait.
    public struct Progress: Sendable {
        public var states: Int
        public var depth: Int
        /// States of the newest depth, yet to be expanded.
        public var frontier: Int
    }

    public static let defaultMemory = 4 << 30
    /// Where something breaks, ways this much longer are looked at for another invariant, and no more: past a break, what
    /// can happen has no bounds.
    private static let patience = 6

    private let configuration: Configuration
    private let memory: Int
    private let stopsAtFirst: Bool

    /// - Parameter memory: bytes that the states may take; the exploration ends, not exhaustive, where more would be needed.
    /// - Parameter stopsAtFirst: one counterexample is enough.
    public init(_ configuration: Configuration, memory: Int = Explorer.defaultMemory, stopsAtFirst: Bool = false) {
        self.configuration = configuration
        self.memory = memory
        self.stopsAtFirst = stopsAtFirst
    }

    public func run(progress: (Progress) -> Void = { _ in }) -> Exploration {
        var search = Search(configuration)
        let check = InvariantCheck(configuration: configuration)
        var found: [Invariant: (state: ModelState, level: Int)] = [:]
        var end = Exploration.End.exhausted
        var newest = 0
        search.begin()
        var level = 0
        search: while search.levelStart < search.end {
            progress(Progress(states: search.end, depth: level, frontier: search.end - search.levelStart))
            let levelEnd = search.end
            for index in search.levelStart..<levelEnd {
                let state = search.state(index)
                if let broken = check.broken(state) {
                    if found[broken] == nil {
                        found[broken] = (state, level)
                        newest = level
                        if stopsAtFirst {
                            end = .broken
                            break search
                        }
                    }
                    if broken.isFatal { continue }
                }
                let before = search.transitions
                guard search.expand(state, within: memory) else {
                    end = .outOfMemory
                    break search
                }
                if search.transitions == before && !check.isClean(state) && found[.everythingComesHome] == nil {
                    found[.everythingComesHome] = (state, level)
                    newest = level
                    if stopsAtFirst {
                        end = .broken
                        break search
                    }
                }
            }
            search.endLevel(levelEnd)
            if !found.isEmpty && level >= newest + Self.patience {
                end = .broken
                break
            }
            level += 1
        }
        let counterexamples = found.sorted { $0.key < $1.key }.map { invariant, place in
            Counterexample(configuration, invariant, search.path(to: place.state, level: place.level))
        }
        return Exploration(
            configuration: configuration, states: search.end, transitions: search.transitions, depth: end == .exhausted ? level - 1 : level,
            bytes: search.bytes, end: end, counterexamples: counterexamples)
    }
}

/// The states seen, and the way from each level to the next.
private struct Search: ~Copyable {
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

    mutating func begin() {
        let initial = form(ModelState(initial: configuration))
        _ = table.insert(initial, initial.hash)
        log.append(initial)
    }

    mutating func endLevel(_ levelEnd: Int) { starts.append(levelEnd) }

    @inline(__always)
    private func form(_ state: ModelState) -> ModelState {
        configuration.symmetry ? state.canonical(configuration.buffers) : state
    }

    /// - Returns: false where the new states would take more than `memory` bytes.
    mutating func expand(_ state: ModelState, within memory: Int) -> Bool {
        batch.count = 0
        transitionRelation.forEach(from: state, into: &batch)
        let count = batch.count
        transitions &+= count
        // All places are looked up before the first is needed, so that the memory can answer them side by side.
        var touched: UInt64 = 0
        for index in 0..<count {
            let next = form(batch[index])
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

    /// One shortest way to a state: back through the levels, each time to the first state that leads on.
    func path(to target: ModelState, level: Int) -> [ModelState] {
        var path = [target]
        var wanted = target
        var at = level
        while at > 0 {
            at -= 1
            var found = false
            for index in starts[at]..<starts[at + 1] {
                var seeker = Seeker(wanted: wanted, configuration: configuration)
                transitionRelation.forEach(from: log[index], into: &seeker)
                guard seeker.found else { continue }
                wanted = log[index]
                path.append(wanted)
                found = true
                break
            }
            precondition(found, "a state without a predecessor")
        }
        return path.reversed()
    }
}

private struct Seeker: SuccessorSink {
    let wanted: ModelState
    let configuration: Configuration
    var found = false

    init(wanted: ModelState, configuration: Configuration) {
        self.wanted = wanted
        self.configuration = configuration
    }

    mutating func take(_ state: ModelState, _ step: Step) {
        if (configuration.symmetry ? state.canonical(configuration.buffers) : state) == wanted { found = true }
    }
}

/// The successors of one state.
private struct Batch: SuccessorSink, ~Copyable {
    /// Four buffers, three pools and the ends can do no more than this.
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
    mutating func take(_ state: ModelState, _ step: Step) {
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

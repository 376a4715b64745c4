// SPDX-License-Identifier: GPL-2.0

/// Explores every state that a configuration can reach, breadth first, so that the first path to a break is a shortest one.
public struct Explorer {
    /// Progress of a running exploration.
    public struct Progress: Sendable {
        /// Distinct states reached so far.
        public var states: Int
        /// Steps to the states of the newest level.
        public var depth: Int
        /// States of the newest depth, not expanded yet.
        public var frontier: Int
    }

    /// Bytes that the states may take by default.
    public static let defaultMemory = 4 << 30
    /// Levels that are explored after the newest broken invariant was found, for another one. After a broken invariant the number of states
    /// has no bound.
    private static let levelsAfterBreak = 6

    private let configuration: Configuration
    private let memory: Int
    private let stopsAtFirst: Bool

    /// - Parameters:
    ///   - memory: bytes that the states may take; where more are needed, the exploration ends with `.outOfMemory`.
    ///   - stopsAtFirst: end with the first counterexample.
    public init(_ configuration: Configuration, memory: Int = Explorer.defaultMemory, stopsAtFirst: Bool = false) {
        self.configuration = configuration
        self.memory = memory
        self.stopsAtFirst = stopsAtFirst
    }

    /// - Parameter progress: called before each level.
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
                if search.transitions == before && !check.isClean(state) && found[.allReleased] == nil {
                    found[.allReleased] = (state, level)
                    newest = level
                    if stopsAtFirst {
                        end = .broken
                        break search
                    }
                }
            }
            search.endLevel(levelEnd)
            if !found.isEmpty && level >= newest + Self.levelsAfterBreak {
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

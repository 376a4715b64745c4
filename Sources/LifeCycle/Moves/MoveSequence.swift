// SPDX-License-Identifier: GPL-2.0

/// A sequence of moves on one provider, read from an id or drawn at random: what `ppiov soak` runs and shortens.
public struct MoveSequence: Sendable, Equatable {
    /// The first part of the id of a scenario that is made of a sequence.
    public static let prefix = "soak."

    public var provider: ModelProvider
    public var moves: [Move]

    public init(provider: ModelProvider, moves: [Move]) {
        self.provider = provider
        self.moves = moves
    }

    /// Reads "zcrx.bind-connect-hold-end"; nil if the text is no sequence or the sequence is not legal.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let provider = ModelProvider(rawValue: String(parts[0])), provider != .none else { return nil }
        var moves: [Move] = []
        for word in parts[1].split(separator: "-", omittingEmptySubsequences: false) {
            guard let move = Move(rawValue: String(word)) else { return nil }
            moves.append(move)
        }
        self.init(provider: provider, moves: moves)
        guard isLegal else { return nil }
    }

    /// The text that `init(_:)` reads.
    public var text: String { "\(provider.rawValue).\(moves.map { $0.rawValue }.joined(separator: "-"))" }

    /// Each move is legal after those before it.
    public var isLegal: Bool { !moves.isEmpty && MoveState.after(moves, of: provider) != nil }

    /// Draws a legal sequence that binds the provider at least once.
    ///
    /// Each kind of move that undoes something is left out of a sequence with probability 1/2. If every move could follow, buffers would
    /// rarely be held for long, and a teardown would rarely find held buffers of several pools.
    ///
    /// - Parameters:
    ///   - length: number of moves; fewer if no legal move is left.
    ///   - random: draws the moves.
    public init<Random: RandomNumberGenerator>(_ provider: ModelProvider, length: Int, using random: inout Random) {
        let leftOut = Set(Self.undoing.filter { _ in Bool.random(using: &random) }.joined())
        var state = MoveState(provider)
        var moves: [Move] = []
        while moves.count < length {
            let legal = Move.allCases.compactMap { move in state.after(move).map { (move, $0) } }
            let weighted = legal.flatMap { entry in
                let weight = leftOut.contains(entry.0) ? 0 : Self.weight(entry.0, bound: state.handle, of: moves.count, length)
                return Array(repeating: entry, count: weight)
            }
            guard let (move, next) = (weighted.isEmpty ? legal : weighted).randomElement(using: &random) else { break }
            moves.append(move)
            state = next
        }
        if !moves.contains(.bind) { moves.insert(.bind, at: 0) }
        self.init(provider: provider, moves: moves)
    }

    private static let undoing: [[Move]] = [
        [.receive], [.leaveUnread], [.returnBuffers], [.close], [.end], [.kill], [.down], [.setNetns], [.restart0, .restart1, .restart2, .restart3],
    ]

    /// Moves of a teardown are rare, so that a sequence does not end at once; moves that transfer buffers are frequent.
    private static func weight(_ move: Move, bound: Bool, of done: Int, _ length: Int) -> Int {
        switch move {
        case .bind, .connect: 24
        case .hold: 16
        case .receive, .leaveUnread: 12
        case .up, .exitNetns: 12
        case .returnBuffers, .close: 4
        case .end, .kill, .down, .setNetns: bound ? 2 : 0
        // For the four of them together.
        case .restart0, .restart1, .restart2, .restart3: bound ? 4 : 0
        // After these, no provider can be bound again.
        case .unbind, .remove, .unload: done * 4 > length * 3 ? 3 : 0
        }
    }

    /// Every legal sequence with one run of consecutive moves left out, longest runs first: candidates for a shorter failure.
    public var cuts: [MoveSequence] {
        var cuts: [MoveSequence] = []
        var size = max(moves.count / 2, 1)
        while size >= 1 {
            for start in stride(from: 0, through: moves.count - size, by: size == 1 ? 1 : max(size / 2, 1)) {
                var shorter = moves
                shorter.removeSubrange(start..<start + size)
                let candidate = MoveSequence(provider: provider, moves: shorter)
                if candidate.isLegal && shorter.contains(.bind) { cuts.append(candidate) }
            }
            size /= 2
        }
        return cuts
    }
}

// SPDX-License-Identifier: GPL-2.0

/// A sequence of moves on one provider, as an id and as random draws: what `ppiov soak` runs and shrinks.
public struct MoveSequence: Sendable, Equatable {
    /// What the id of a scenario made of a sequence begins with.
    public static let prefix = "soak."

    public var provider: ModelProvider
    public var moves: [Move]

    public init(provider: ModelProvider, moves: [Move]) {
        self.provider = provider
        self.moves = moves
    }

    /// Reads "zcrx.bind-connect-keep-end"; nil where that is none or not legal.
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

    public var text: String { "\(provider.rawValue).\(moves.map { $0.rawValue }.joined(separator: "-"))" }

    public var isLegal: Bool { !moves.isEmpty && MoveState.after(moves, of: provider) != nil }

    /// Draws a legal sequence that binds the provider at least once.
    ///
    /// Half of the moves that undo something are left out of each sequence, others each time: where everything may come next, buffers
    /// are hardly ever kept for long, and what it takes to lose them (those of several pools at one ending, say) never comes together.
    ///
    /// - Parameter length: moves; fewer where nothing is left to do.
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
        [.take], [.leave], [.giveBack], [.close], [.end], [.kill], [.down], [.away], [.restart0, .restart1, .restart2, .restart3],
    ]

    /// What only ends comes seldom, or a sequence is over before it has begun; what carries buffers comes often.
    private static func weight(_ move: Move, bound: Bool, of done: Int, _ length: Int) -> Int {
        switch move {
        case .bind, .connect: 24
        case .keep: 16
        case .take, .leave: 12
        case .up, .netns: 12
        case .giveBack, .close: 4
        case .end, .kill, .down, .away: bound ? 2 : 0
        // Four of them.
        case .restart0, .restart1, .restart2, .restart3: bound ? 4 : 0
        // After these nothing can be bound again.
        case .unbind, .remove, .unload: done * 4 > length * 3 ? 3 : 0
        }
    }

    /// Every sequence with one run of moves left out that is still legal, longest cuts first: candidates for a shorter failure.
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

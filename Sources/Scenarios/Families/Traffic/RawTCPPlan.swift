// SPDX-License-Identifier: GPL-2.0

internal import LifeCycle

/// In which order segments leave the peer. A round is sent at once and must fit the receiver's window with all its doubles.
enum RawTCPPlan {
    /// Segments of a round, and bytes of each.
    private static let count = 12
    private static let length = 1200

    private static func inOrder(_ round: Int) -> [PeerSegment] {
        (0..<count).map { PeerSegment(offset: UInt64((round * count + $0) * length), length: length) }
    }

    static let outOfOrder: @Sendable (Int) -> [PeerSegment]? = { round in
        let pieces = inOrder(round)
        switch round {
        case 0: return pieces.reversed()
        case 1: return evens(pieces) + odds(pieces)
        case 2: return odds(pieces) + evens(pieces).reversed()
        case 3: return Array(pieces.suffix(count / 2) + pieces.prefix(count / 2))
        default: return nil
        }
    }

    static let duplicates: @Sendable (Int) -> [PeerSegment]? = { round in
        let pieces = inOrder(round)
        switch round {
        // In order and twice; twice over; what waits out of order, thrice; what the last round brought.
        case 0: return pieces.flatMap { [$0, $0] }
        case 1: return pieces + pieces
        case 2: return Array(pieces.dropFirst()) + Array(pieces.dropFirst()) + Array(pieces.dropFirst()) + [pieces[0]]
        case 3: return inOrder(round - 1) + pieces
        default: return nil
        }
    }

    static let overlaps: @Sendable (Int) -> [PeerSegment]? = { round in
        let pieces = inOrder(round)
        let wider = pieces.dropLast().map { PeerSegment(offset: $0.offset + 100, length: length + 150) }
        switch round {
        case 0: return pieces.dropLast().map { PeerSegment(offset: $0.offset, length: length + 200) } + [pieces[count - 1]]
        case 1: return wider.reversed() + pieces
        case 2: return evens(wider) + pieces.reversed()
        case 3: return odds(pieces) + wider + evens(pieces)
        default: return nil
        }
    }

    static func shuffled(_ rounds: Int) -> @Sendable (Int) -> [PeerSegment]? {
        { round in
            guard round < rounds else { return nil }
            // The same in every run: what fails once fails again.
            var generator = SeededGenerator(seed: UInt64(round))
            let pieces = inOrder(round)
            return (pieces + pieces.shuffled(using: &generator).prefix(4)).shuffled(using: &generator)
        }
    }

    private static func evens(_ pieces: [PeerSegment]) -> [PeerSegment] { stride(from: 0, to: pieces.count, by: 2).map { pieces[$0] } }
    private static func odds(_ pieces: [PeerSegment]) -> [PeerSegment] { stride(from: 1, to: pieces.count, by: 2).map { pieces[$0] } }
}

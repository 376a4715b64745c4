// SPDX-License-Identifier: GPL-2.0

internal import LifeCycle

/// The order in which the peer sends segments. A round is sent at once and must fit the receiver's window with all its duplicates.
enum RawTCPPlan {
    /// Segments of a round, and bytes of each.
    private static let count = 12
    private static let length = 1200

    private static func inOrder(_ round: Int) -> [PeerSegment] {
        (0..<count).map { PeerSegment(offset: UInt64((round * count + $0) * length), length: length) }
    }

    static let outOfOrder: @Sendable (Int) -> [PeerSegment]? = { round in
        let segments = inOrder(round)
        switch round {
        case 0: return segments.reversed()
        case 1: return evens(segments) + odds(segments)
        case 2: return odds(segments) + evens(segments).reversed()
        case 3: return Array(segments.suffix(count / 2) + segments.prefix(count / 2))
        default: return nil
        }
    }

    static let duplicates: @Sendable (Int) -> [PeerSegment]? = { round in
        let segments = inOrder(round)
        switch round {
        // Each segment twice; the round twice; the segments of the out-of-order queue three times; the last round again.
        case 0: return segments.flatMap { [$0, $0] }
        case 1: return segments + segments
        case 2: return Array(segments.dropFirst()) + Array(segments.dropFirst()) + Array(segments.dropFirst()) + [segments[0]]
        case 3: return inOrder(round - 1) + segments
        default: return nil
        }
    }

    static let overlaps: @Sendable (Int) -> [PeerSegment]? = { round in
        let segments = inOrder(round)
        let wider = segments.dropLast().map { PeerSegment(offset: $0.offset + 100, length: length + 150) }
        switch round {
        case 0: return segments.dropLast().map { PeerSegment(offset: $0.offset, length: length + 200) } + [segments[count - 1]]
        case 1: return wider.reversed() + segments
        case 2: return evens(wider) + segments.reversed()
        case 3: return odds(segments) + wider + evens(segments)
        default: return nil
        }
    }

    static func shuffled(_ rounds: Int) -> @Sendable (Int) -> [PeerSegment]? {
        { round in
            guard round < rounds else { return nil }
            // The same in every run, so that a failure can be reproduced.
            var generator = SeededGenerator(seed: UInt64(round))
            let segments = inOrder(round)
            return (segments + segments.shuffled(using: &generator).prefix(4)).shuffled(using: &generator)
        }
    }

    private static func evens(_ segments: [PeerSegment]) -> [PeerSegment] { stride(from: 0, to: segments.count, by: 2).map { segments[$0] } }
    private static func odds(_ segments: [PeerSegment]) -> [PeerSegment] { stride(from: 1, to: segments.count, by: 2).map { segments[$0] } }
}

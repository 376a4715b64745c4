// SPDX-License-Identifier: GPL-2.0

/// The orders of teardown, generated: a place where buffers are, two moves that take something down, and whatever is left.
public enum TeardownMatrix {
    /// Where the buffers are when the teardown begins.
    public enum Place: String, CaseIterable, Sendable {
        /// All with the provider: the interface is down, no pool is there.
        case none
        /// The queue posts some, the provider has the others.
        case provider
        /// Received, given back, and lying in the pool.
        case pool
        /// Unread in a socket.
        case socket
        /// Delivered and kept.
        case user

        /// The moves that bring them there.
        public var setUp: [Move] {
            switch self {
            case .none: [.bind, .down]
            case .provider: [.bind]
            case .pool: [.bind, .connect, .take]
            case .socket: [.bind, .connect, .leave]
            case .user: [.bind, .connect, .keep]
            }
        }
    }

    /// One order.
    public struct Order: Sendable, Equatable {
        public var provider: ModelProvider
        public var place: Place
        public var first: Move
        public var second: Move
        /// Set-up, the two, and what is left: the connection, then the provider.
        public var moves: [Move]
        /// One of those that together show every pair of moves once, and every place.
        public var quick = false

        public var name: String { "\(provider.rawValue).\(place.rawValue).\(first.rawValue)-\(second.rawValue)" }
    }

    /// What takes something down. A restart's mode goes with the place, so that each is met.
    private static func teardowns(_ place: Place) -> [Move] {
        let mode = (Place.allCases.firstIndex(of: place) ?? 0) % Move.restarts.count
        return [.giveBack, .close, .end, .kill, .down, Move.restarts[mode], .away, .netns, .unbind, .remove, .unload]
    }

    /// Every legal order of both providers.
    public static let orders: [Order] = {
        var orders: [Order] = []
        for provider in [ModelProvider.zcrx, .devmem] {
            for place in Place.allCases {
                for first in teardowns(place) {
                    for second in teardowns(place) where second != first {
                        let begun = place.setUp + [first, second]
                        guard var state = MoveState.after(begun, of: provider) else { continue }
                        var moves = begun
                        for rest in [Move.close, .end] {
                            if let next = state.after(rest) {
                                moves.append(rest)
                                state = next
                            }
                        }
                        orders.append(Order(provider: provider, place: place, first: first, second: second, moves: moves))
                    }
                }
            }
        }
        return markQuick(orders)
    }()

    /// Takes for each pair of moves the order whose place has the fewest so far, the later places first: those have buffers out.
    private static func markQuick(_ orders: [Order]) -> [Order] {
        struct Pair: Hashable {
            var provider: ModelProvider
            var first: Int
            var second: Int
        }
        func kind(_ move: Move) -> Int { move.restartMode == nil ? Move.allCases.firstIndex(of: move) ?? 0 : -1 }
        var marked = orders
        var seen: [Pair: [Int]] = [:]
        var pairs: [Pair] = []
        for (index, order) in orders.enumerated() {
            let pair = Pair(provider: order.provider, first: kind(order.first), second: kind(order.second))
            if seen[pair] == nil { pairs.append(pair) }
            seen[pair, default: []].append(index)
        }
        var taken: [Place: Int] = [:]
        for pair in pairs {
            // A pair is shown with one provider; those that only one can make, with that one.
            let other = Pair(provider: pair.provider == .zcrx ? .devmem : .zcrx, first: pair.first, second: pair.second)
            if seen[other] != nil && (pair.first + pair.second + (pair.provider == .zcrx ? 0 : 1)) % 2 != 0 { continue }
            let best = seen[pair, default: []].reversed().min { taken[orders[$0].place, default: 0] < taken[orders[$1].place, default: 0] }
            guard let best else { continue }
            marked[best].quick = true
            taken[orders[best].place, default: 0] += 1
        }
        return marked
    }
}

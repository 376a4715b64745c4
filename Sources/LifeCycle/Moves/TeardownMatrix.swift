// SPDX-License-Identifier: GPL-2.0

/// The orders of teardown: where the buffers are, two moves of the teardown, then the rest of it.
public enum TeardownMatrix {
    /// Where the buffers are when the teardown begins.
    public enum Place: String, CaseIterable, Sendable {
        /// All with the provider: the interface is down, there is no pool.
        case none
        /// The queue posts some, the provider has the others.
        case provider
        /// Received, returned, and in the pool.
        case pool
        /// Unread in a socket.
        case socket
        /// Delivered, and held by the user.
        case user

        /// The moves to that state.
        public var setUp: [Move] {
            switch self {
            case .none: [.bind, .down]
            case .provider: [.bind]
            case .pool: [.bind, .connect, .receive]
            case .socket: [.bind, .connect, .leaveUnread]
            case .user: [.bind, .connect, .hold]
            }
        }
    }

    /// One order of teardown.
    public struct Order: Sendable, Equatable {
        public var provider: ModelProvider
        public var place: Place
        public var first: Move
        public var second: Move
        /// Set-up, the two moves, then the end of the connection and of the provider, if they are left.
        public var moves: [Move]
        /// In the quick subset, which has every pair of moves and every place.
        public var quick = false

        /// "zcrx.user.close-end"
        public var name: String { "\(provider.rawValue).\(place.rawValue).\(first.rawValue)-\(second.rawValue)" }
    }

    /// The moves of a teardown. The mode of the restart depends on the place, so that each mode is used.
    private static func teardowns(_ place: Place) -> [Move] {
        let mode = (Place.allCases.firstIndex(of: place) ?? 0) % Move.restarts.count
        return [.returnBuffers, .close, .end, .kill, .down, Move.restarts[mode], .setNetns, .exitNetns, .unbind, .remove, .unload]
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

    /// Marks, for each pair of moves, the order whose place has the fewest marked so far; of equal ones the last place, as buffers are held
    /// there.
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
            // A pair that both providers can make is marked for one of them.
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

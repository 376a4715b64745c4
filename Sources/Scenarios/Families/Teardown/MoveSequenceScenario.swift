// SPDX-License-Identifier: GPL-2.0

import LifeCycle
import Results

/// The scenario of a sequence of moves: those of the teardown matrix, and the random ones of `ppiov soak`.
enum MoveSequenceScenario {
    /// The teardown matrix.
    static let matrix: [Scenario] = TeardownMatrix.orders.map { order in
        let what = "buffers \(words(order.place)); \(MoveDriver.words(order.first)), then \(MoveDriver.words(order.second))"
        return scenario("teardown.\(order.name)", what, MoveSequence(provider: order.provider, moves: order.moves), thorough: !order.quick)
    }

    /// The scenario of a random sequence by its id, such as "soak.zcrx.bind-connect-hold-end"; nil where the id is no legal sequence.
    static func named(_ id: String) -> Scenario? {
        guard id.hasPrefix(MoveSequence.prefix), let sequence = MoveSequence(id.dropFirst(MoveSequence.prefix.count)) else { return nil }
        return scenario(MoveSequence.prefix + sequence.text, "a random legal sequence of \(sequence.moves.count) moves", sequence, thorough: true)
    }

    private static func scenario(_ id: String, _ summary: String, _ sequence: MoveSequence, thorough: Bool) -> Scenario {
        let provider: Provider = sequence.provider == .devmem ? .devmem : .zcrx
        var needs = provider.needs.union([.removableInterface])
        if sequence.moves.contains(where: { $0.restartMode != nil }) { needs.insert(.queueReset) }
        if sequence.moves.contains(.unload) { needs.insert(.reloadableModule) }
        let last = MoveState.after(sequence.moves, of: sequence.provider) ?? MoveState(sequence.provider)
        let expectation = Expectation(
            provider: provider, minimumHolds: last.pools > 0 ? 1 : 0, pools: ExpectedPools(count: last.pools, traffic: last.traffic))
        return Scenario(
            id, summary, tier: .netdevsim, needs: needs, expects: expectation, deadline: 45 + 3 * Double(sequence.moves.count),
            thorough: thorough
        ) { run in
            try MoveDriver.drive(run, provider, sequence.moves)
        }
    }

    private static func words(_ place: TeardownMatrix.Place) -> String {
        switch place {
        case .none: "all with the provider, without a pool"
        case .provider: "posted or with the provider"
        case .pool: "in the pool"
        case .socket: "unread in the socket"
        case .user: "held by the user"
        }
    }
}

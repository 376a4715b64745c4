// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import LifeCycle

@Suite struct MoveTests {
    @Test func everyOrderIsLegalAndEndsWithNobodyHoldingAnything() throws {
        #expect(TeardownMatrix.orders.count > 300)
        for order in TeardownMatrix.orders {
            let last = try #require(MoveState.after(order.moves, of: order.provider), "\(order.name)")
            #expect(!last.handle && !last.connected && !last.buffersOut, "\(order.name)")
            #expect(last.pools >= 1, "\(order.name)")
        }
        #expect(Set(TeardownMatrix.orders.map { $0.name }).count == TeardownMatrix.orders.count)
    }

    /// The quick subset leaves out no pair that is legal anywhere, and no place.
    @Test func quickShowsEveryPairAndPlace() {
        func kind(_ move: Move) -> String { move.restartMode == nil ? move.rawValue : "restart" }
        func pairs(_ orders: [TeardownMatrix.Order]) -> Set<String> { Set(orders.map { "\(kind($0.first))-\(kind($0.second))" }) }
        let quick = TeardownMatrix.orders.filter { $0.quick }
        #expect(pairs(quick) == pairs(TeardownMatrix.orders))
        for provider in [ModelProvider.zcrx, .devmem] {
            let places = Set(quick.filter { $0.provider == provider }.map { $0.place })
            #expect(places == Set(TeardownMatrix.Place.allCases), "\(provider)")
        }
        #expect(quick.count * 3 < TeardownMatrix.orders.count)
    }

    @Test func whatTheRulesLeaveOut() {
        func reason(_ moves: [Move], _ provider: ModelProvider, _ next: Move) -> MoveState.Reason? {
            MoveState.after(moves, of: provider)?.refuses(next)
        }
        #expect(reason([.bind], .devmem, .remove) == .devmemOutlivesDevice)
        #expect(reason([.bind], .zcrx, .remove) == nil)
        #expect(reason([.bind, .end], .devmem, .remove) == nil)
        #expect(reason([.bind, .connect, .keep, .end], .devmem, .remove) == .devmemOutlivesDevice)
        #expect(reason([.bind], .zcrx, .unload) == .driverWaits)
        #expect(reason([.bind, .connect, .leave, .end], .zcrx, .unload) == .driverWaits)
        #expect(reason([.bind, .end], .zcrx, .unload) == nil)
        #expect(reason([.bind], .zcrx, .bind) == .impossible)
        #expect(reason([.bind, .connect, .keep, .close], .devmem, .giveBack) == .impossible)
        #expect(reason([.bind, .connect, .keep, .close], .zcrx, .giveBack) == nil)
        #expect(reason([.bind, .connect, .keep, .end], .zcrx, .giveBack) == .impossible)
        #expect(reason([.bind, .connect, .keep, .end], .devmem, .giveBack) == nil)
    }

    @Test func poolsAreCountedWhereTheQueueIsFilled() {
        func pools(_ moves: [Move]) -> Int? { MoveState.after(moves, of: .zcrx)?.pools }
        #expect(pools([.bind]) == 1)
        #expect(pools([.bind, .restart0, .restart3]) == 3)
        #expect(pools([.bind, .down, .up]) == 2)
        #expect(pools([.down, .bind]) == 0)
        #expect(pools([.down, .bind, .up]) == 1)
        #expect(pools([.bind, .end, .restart1]) == 1)
        #expect(pools([.bind, .away, .up]) == 2)
        #expect(pools([.bind, .kill, .bind]) == 2)
    }

    @Test(arguments: [ModelProvider.zcrx, .devmem])
    func drawnSequencesAreLegalAndReadBack(_ provider: ModelProvider) throws {
        var random = SystemRandomNumberGenerator()
        var met: Set<Move> = []
        for _ in 0..<2000 {
            let sequence = MoveSequence(provider, length: 14, using: &random)
            #expect(sequence.isLegal, "\(sequence.text)")
            #expect(MoveSequence(sequence.text) == sequence)
            #expect(sequence.moves.contains(.bind))
            met.formUnion(sequence.moves)
        }
        #expect(met == Set(Move.allCases), "never drawn: \(Set(Move.allCases).subtracting(met))")
    }

    /// What is written for an ending that forgets a pool, an ifq or a socket is only met where one has several.
    @Test(arguments: [ModelProvider.zcrx, .devmem])
    func drawnSequencesEndWithBuffersOfSeveralPools(_ provider: ModelProvider) throws {
        var random = SystemRandomNumberGenerator()
        let drawn = (0..<1000).map { _ in MoveSequence(provider, length: 16, using: &random) }
        let several = drawn.filter { sequence in
            var state = MoveState(provider)
            for move in sequence.moves {
                let before = state.poolsKept
                guard let next = state.after(move) else { return false }
                state = next
                if move != .giveBack && before > 1 && state.poolsKept == 0 { return true }
            }
            return state.poolsKept > 1
        }
        // About a sixth; where every move may come at any time, hardly any.
        #expect(several.count > 80, "\(several.count) of 1000")
    }

    @Test func poolsKeptCountsThoseWithBuffersOut() {
        func kept(_ moves: [Move]) -> Int? { MoveState.after([.bind, .connect] + moves, of: .zcrx)?.poolsKept }
        #expect(kept([]) == 0)
        #expect(kept([.keep, .keep]) == 1)
        #expect(kept([.keep, .restart0]) == 1)
        #expect(kept([.keep, .restart0, .keep]) == 2)
        #expect(kept([.keep, .restart0, .keep, .giveBack]) == 0)
        #expect(kept([.keep, .restart0, .keep, .giveBack, .keep]) == 1)
        #expect(kept([.keep, .restart0, .keep, .end]) == 0)
    }

    @Test func cutsAreShorterAndLegal() throws {
        let sequence = try #require(MoveSequence("zcrx.bind-connect-keep-restart2-return-close-end"))
        #expect(!sequence.cuts.isEmpty)
        for cut in sequence.cuts { #expect(cut.isLegal && cut.moves.count < sequence.moves.count, "\(cut.text)") }
        #expect(sequence.cuts.contains { $0.text == "zcrx.bind-restart2-end" } || sequence.cuts.contains { $0.moves.count <= 4 })
    }

    @Test(arguments: ["", "zcrx", "zcrx.", "none.bind", "zcrx.bind-", "zcrx.keep", "zcrx.bind-nosuch", "zcrx.bind.end", "devmem.bind-remove"])
    func whatIsNoSequence(_ text: String) { #expect(MoveSequence(text) == nil) }
}

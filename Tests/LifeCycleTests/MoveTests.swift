// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import LifeCycle

@Suite struct MoveTests {
    @Test func everyOrderIsLegalAndEndsWithEveryHoldReleased() throws {
        #expect(TeardownMatrix.orders.count > 300)
        for order in TeardownMatrix.orders {
            let last = try #require(MoveState.after(order.moves, of: order.provider), "\(order.name)")
            #expect(!last.handle && !last.connected && !last.buffersHeld, "\(order.name)")
            #expect(last.pools >= 1, "\(order.name)")
        }
        #expect(Set(TeardownMatrix.orders.map { $0.name }).count == TeardownMatrix.orders.count)
    }

    /// The quick subset has every legal pair of moves, and every place.
    @Test func quickHasEveryPairAndPlace() {
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

    @Test func movesThatAreNotLegal() {
        func reason(_ moves: [Move], _ provider: ModelProvider, _ next: Move) -> MoveState.Reason? {
            MoveState.after(moves, of: provider)?.reason(against: next)
        }
        #expect(reason([.bind], .devmem, .remove) == .devmemOutlivesDevice)
        #expect(reason([.bind], .zcrx, .remove) == nil)
        #expect(reason([.bind, .end], .devmem, .remove) == nil)
        #expect(reason([.bind, .connect, .hold, .end], .devmem, .remove) == .devmemOutlivesDevice)
        #expect(reason([.bind], .zcrx, .unload) == .driverWaits)
        #expect(reason([.bind, .connect, .leaveUnread, .end], .zcrx, .unload) == .driverWaits)
        #expect(reason([.bind, .end], .zcrx, .unload) == nil)
        #expect(reason([.bind], .zcrx, .bind) == .impossible)
        #expect(reason([.bind, .connect, .hold, .close], .devmem, .returnBuffers) == .impossible)
        #expect(reason([.bind, .connect, .hold, .close], .zcrx, .returnBuffers) == nil)
        #expect(reason([.bind, .connect, .hold, .end], .zcrx, .returnBuffers) == .impossible)
        #expect(reason([.bind, .connect, .hold, .end], .devmem, .returnBuffers) == nil)
    }

    @Test func poolsAreCountedWhenTheQueueIsFilled() {
        func pools(_ moves: [Move]) -> Int? { MoveState.after(moves, of: .zcrx)?.pools }
        #expect(pools([.bind]) == 1)
        #expect(pools([.bind, .restart0, .restart3]) == 3)
        #expect(pools([.bind, .down, .up]) == 2)
        #expect(pools([.down, .bind]) == 0)
        #expect(pools([.down, .bind, .up]) == 1)
        #expect(pools([.bind, .end, .restart1]) == 1)
        #expect(pools([.bind, .setNetns, .up]) == 2)
        #expect(pools([.bind, .kill, .bind]) == 2)
    }

    @Test(arguments: [ModelProvider.zcrx, .devmem])
    func drawnSequencesAreLegalAndReadBack(_ provider: ModelProvider) throws {
        var random = SystemRandomNumberGenerator()
        var drawn: Set<Move> = []
        for _ in 0..<2000 {
            let sequence = MoveSequence(provider, length: 14, using: &random)
            #expect(sequence.isLegal, "\(sequence.text)")
            #expect(MoveSequence(sequence.text) == sequence)
            #expect(sequence.moves.contains(.bind))
            drawn.formUnion(sequence.moves)
        }
        #expect(drawn == Set(Move.allCases), "never drawn: \(Set(Move.allCases).subtracting(drawn))")
    }

    /// A teardown that misses one of several pools, interface queues or sockets is found only by sequences that have several.
    @Test(arguments: [ModelProvider.zcrx, .devmem])
    func drawnSequencesEndWithBuffersOfSeveralPools(_ provider: ModelProvider) throws {
        var random = SystemRandomNumberGenerator()
        let drawn = (0..<1000).map { _ in MoveSequence(provider, length: 16, using: &random) }
        let several = drawn.filter { sequence in
            var state = MoveState(provider)
            for move in sequence.moves {
                let before = state.poolsHeld
                guard let next = state.after(move) else { return false }
                state = next
                if move != .returnBuffers && before > 1 && state.poolsHeld == 0 { return true }
            }
            return state.poolsHeld > 1
        }
        // About a sixth. If every move could follow at any time, it would be nearly none.
        #expect(several.count > 80, "\(several.count) of 1000")
    }

    @Test func poolsHeldCountsPoolsWithHeldBuffers() {
        func held(_ moves: [Move]) -> Int? { MoveState.after([.bind, .connect] + moves, of: .zcrx)?.poolsHeld }
        #expect(held([]) == 0)
        #expect(held([.hold, .hold]) == 1)
        #expect(held([.hold, .restart0]) == 1)
        #expect(held([.hold, .restart0, .hold]) == 2)
        #expect(held([.hold, .restart0, .hold, .returnBuffers]) == 0)
        #expect(held([.hold, .restart0, .hold, .returnBuffers, .hold]) == 1)
        #expect(held([.hold, .restart0, .hold, .end]) == 0)
    }

    @Test func cutsAreShorterAndLegal() throws {
        let sequence = try #require(MoveSequence("zcrx.bind-connect-hold-restart2-return-close-end"))
        #expect(!sequence.cuts.isEmpty)
        for cut in sequence.cuts { #expect(cut.isLegal && cut.moves.count < sequence.moves.count, "\(cut.text)") }
        #expect(sequence.cuts.contains { $0.text == "zcrx.bind-restart2-end" } || sequence.cuts.contains { $0.moves.count <= 4 })
    }

    @Test(arguments: ["", "zcrx", "zcrx.", "none.bind", "zcrx.bind-", "zcrx.hold", "zcrx.bind-nosuch", "zcrx.bind.end", "devmem.bind-remove"])
    func textsThatAreNoSequence(_ text: String) { #expect(MoveSequence(text) == nil) }

    /// An id joins the words with dashes, and the parts of an id with points.
    @Test func wordsCanBeJoined() {
        for move in Move.allCases { #expect(move.rawValue.allSatisfy { $0.isLetter || $0.isNumber }, "\(move)") }
        for (former, word) in Move.formerWords {
            #expect(Move(rawValue: former) == nil, "\(former) is a present word")
            #expect(Move(rawValue: word) != nil, "\(word)")
        }
    }
}

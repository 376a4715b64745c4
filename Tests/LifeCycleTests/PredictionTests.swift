// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import LifeCycle

@Suite struct PredictionTests {
    private func account(holds: UInt64, most: UInt64 = 1, pool: UInt64 = 0x1000) -> PoolLedger.Account {
        var account = PoolLedger.Account(pool: pool, generation: 0)
        account.holds = holds
        account.releases = holds
        account.netIovHolds = holds
        account.netIovReleases = holds
        account.mostHoldsOfOne = most
        return account
    }

    private let idle = Prediction(pools: 1, buffers: 512, posted: 256, ring: 256, bulk: 64, traffic: false)
    private let busy = Prediction(pools: 1, buffers: 512, posted: 256, ring: 256, bulk: 64, traffic: true)
    private let large = Prediction(pools: 1, buffers: 512, posted: 256, ring: 1024, bulk: 64, traffic: true)

    @Test func legalRuns() {
        #expect(idle.broken(by: [account(holds: 256)]) == [])
        #expect(busy.broken(by: [account(holds: 256)]) == [])
        #expect(busy.broken(by: [account(holds: 512)]) == [])
        // zcrx allocates 64 at a time: 100 posted are 128 held.
        let bulk = Prediction(pools: 1, buffers: 512, posted: 100, ring: 256, bulk: 64, traffic: false)
        #expect(bulk.firstHolds == 100...128)
        // All of an area that is smaller than the driver's ring is held.
        #expect(Prediction(pools: 1, buffers: 64, posted: 256, ring: 256, bulk: 1, traffic: false).firstHolds == 64...64)
    }

    @Test func illegalRuns() {
        #expect(idle.broken(by: [account(holds: 257)]) == ["pool 0x1000 held 257 net_iovs, a legal run holds 256"])
        #expect(busy.broken(by: [account(holds: 255)]) == ["pool 0x1000 held 255 net_iovs, a legal run holds at least 256"])
        #expect(large.broken(by: [account(holds: 600)]) == ["pool 0x1000 held 600 net_iovs, a legal run holds 256 to 512"])
        #expect(busy.broken(by: []) == ["0 pools of net_iovs, a legal run has 1"])
        #expect(busy.broken(by: [account(holds: 256), account(holds: 1, pool: 0x2000)]) == ["2 pools of net_iovs, a legal run has 1"])
        #expect(large.broken(by: [account(holds: 300, most: 2)]).first?.hasPrefix("pool 0x1000 held one net_iov 2 times") == true)
        var many = account(holds: 600)
        many.distinct = 513
        #expect(busy.broken(by: [many]) == ["pool 0x1000 held 513 different net_iovs, there are 512"])
    }

    @Test("if not all net_iovs fit into the ring, one can be held several times")
    func smallRing() {
        #expect(busy.broken(by: [account(holds: 600, most: 2)]) == [])
    }

    @Test("after fast restarts some pools can hold no net_iov, but not all")
    func fastRestarts() {
        let prediction = Prediction(pools: 3, fewest: 2, buffers: 512, posted: 256, ring: 256, bulk: 1, traffic: true)
        let accounts = (1...4).map { account(holds: 256, pool: UInt64($0) * 0x1000) }
        #expect(prediction.broken(by: Array(accounts.prefix(2))) == [])
        #expect(prediction.broken(by: Array(accounts.prefix(3))) == [])
        #expect(prediction.broken(by: Array(accounts.prefix(1))) == ["1 pool of net_iovs, a legal run has 2 to 3"])
        #expect(prediction.broken(by: accounts) == ["4 pools of net_iovs, a legal run has 2 to 3"])
    }

    @Test("a pool without traffic has nothing in flight when it is destroyed")
    func idleAtDestroy() {
        var late = account(holds: 256)
        late.inflightAtDestroy = 256
        #expect(idle.broken(by: [late]).count == 1)
        #expect(busy.broken(by: [late]) == [])
        late.inflightAtDestroy = 0
        #expect(idle.broken(by: [late]) == [])
    }

    @Test("consumed slots that are not cleared yet reduce the capacity of the ring")
    func consumedSlots() {
        func full(_ buffers: UInt64) -> Prediction { Prediction(pools: 1, buffers: buffers, posted: 256, ring: 256, bulk: 1, traffic: true) }
        #expect(full(256).broken(by: [account(holds: 257, most: 2)]) == [])
        #expect(full(241).broken(by: [account(holds: 241, most: 1)]) == [])
        #expect(full(241).broken(by: [account(holds: 241, most: 2)]).count == 1)
    }

    @Test("later pools hold the buffers that are released by then")
    func restarts() {
        let prediction = Prediction(pools: 3, buffers: 241, posted: 256, ring: 256, bulk: 1, traffic: true)
        let accounts = [account(holds: 241), account(holds: 200, pool: 0x2000), account(holds: 0, pool: 0x3000)]
        #expect(prediction.broken(by: accounts) == ["2 pools of net_iovs, a legal run has 3"])
        #expect(prediction.broken(by: [accounts[0], accounts[1], account(holds: 17, pool: 0x3000)]) == [])
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import LifeCycle
import Results

/// What a life cycle borrows, looked at more closely than the counters of every scenario do: over many rounds, under a limit, and by
/// the kernel's own search for lost memory.
enum ResourceScenarios {
    private static let rounds = 8

    static let all: [Scenario] =
        Provider.ofNetIovs.flatMap { provider in
            [rounds(provider), leaks(provider)]
        } + [
            lockedMemory("close", kill: false), lockedMemory("kill", kill: true), lockedMemory("kernel", kill: false, kernel: true), leakedQueues,
            memlockRefused, addressSpaces, hugePages, hugePart, pagesTwice,
        ]

    /// The owner's descriptors and locked memory after each round are those after the first.
    private static func rounds(_ provider: Provider) -> Scenario {
        Scenario(
            "resources.\(provider.rawValue).rounds", "\(rounds) rounds of bind, receive, keep, end by one process: each leaves what the first left",
            tier: .netdevsim, needs: provider.needs,
            expects: Expectation(provider: provider, minimumHolds: rounds * 256, pools: ExpectedPools(count: rounds, traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let owner = try ProviderWorker(run, provider, bed)
            run.cleanUp("peer's socket closed") { try bed.peer.abort() }
            run.cleanUp("owner finished") { try owner.finish() }
            var first: String?
            for round in 1...rounds {
                let left = try run.step("round \(round)") { () throws -> String in
                    try bed.waitUnbound(within: run.timeout(10))
                    try owner.life(bed, run, seed: 300 + UInt64(round), provider)
                    return try owner.settled(run, within: 20, at: first)
                }
                first = first ?? left
                try run.expect(
                    left == first, "round \(round) left no more than the first", "descriptors and locked bytes: first \(first ?? ""), now \(left)")
            }
        }
    }

    /// Under RLIMIT_MEMLOCK a registration is refused where the one before was not given back in full.
    ///
    /// - Parameter kernel: with a refill ring that the kernel allocates: 17 pages, for which 32 are accounted where there is room, else 17
    ///   (`io_mem_alloc_compound()`). So an account that loses some does not have the next one refused, but a larger area in the end.
    private static func lockedMemory(_ name: String, kill: Bool, kernel: Bool = false) -> Scenario {
        let lives = rounds + (kernel ? 1 : 0)
        return Scenario(
            "resources.zcrx.memlock-\(name)",
            "with room for one area under RLIMIT_MEMLOCK, register \(rounds) times, each \(kill ? "killed" : "closed"): all is accounted back"
                + (kernel ? ", the kernel's own pages for a refill ring, too" : ""),
            tier: .netdevsim, needs: Provider.zcrx.needs,
            expects: Expectation(provider: .zcrx, minimumHolds: lives * 256, pools: ExpectedPools(count: lives, traffic: false))
        ) { run in
            let bed = try run.makeTestBed()
            var owner: ProviderWorker?
            run.cleanUp("owner finished") { try owner?.finish() }
            for round in 1...lives {
                let command = !kernel ? "bind 1" : round == lives ? "bind 1 \(512 + 32)" : "bind 1 kernel"
                try run.step(round > rounds ? "128 KiB more registered and closed" : "registered and \(kill ? "killed" : "closed"), round \(round)") {
                    try bed.waitUnbound(within: run.timeout(10))
                    if owner == nil {
                        owner = try ProviderWorker(run, .zcrx, bed)
                        // An area of 2 MiB, its refill ring of 68 KiB, the ring's own 40 or so; not a second refill ring four times over.
                        try owner?.ask("lock \(2 << 20 + 320 << 10)")
                    }
                    try bindWhenFree(run, owner, command)
                    try run.userBound()
                    try run.pools.observe()
                    if kill {
                        try owner?.kill()
                        owner = nil
                    } else {
                        try owner?.ask("end")
                    }
                }
            }
        }
    }

    /// Huge pages are accounted by the folio (`io_count_account_pages()`), ordinary ones by the page: the sum is the same.
    private static let hugePages = Scenario(
        "resources.zcrx.huge-pages", "an area of huge pages is accounted as one of ordinary pages is, receives, and is given back", tier: .netdevsim,
        needs: Provider.zcrx.needs.union([.hugePages]),
        expects: Expectation(
            provider: .zcrx, minimumHolds: 2 * 256, zeroCopy: true, payload: true,
            pools: ExpectedPools(count: 2, buffers: UInt64(HugePages.pages), traffic: true))
    ) { run in
        let bed = try run.makeTestBed()
        try run.reserveHugePages()
        let before = try ResourceCounters.lockedBytes()
        let ordinary = try ZeroCopyReceiver.make(run, bed: bed, pages: HugePages.pages, pattern: PayloadPattern(seed: 8))
        let accounted = try ResourceCounters.lockedBytes() - before
        try run.pools.observe()
        try run.step("ring closed") { ordinary.close() }
        try bed.waitUnbound(within: run.timeout(10))
        try awaitAccounted(run, before)

        let pattern = PayloadPattern(seed: 9)
        let memory = try run.step("\(HugePages.count) huge pages mapped") { try AreaMemory(pages: HugePages.pages, huge: true) }
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: HugePages.pages, pattern: pattern, area: memory)
        let now = try ResourceCounters.lockedBytes() - before
        try run.expect(now == accounted, "\(accounted) bytes accounted, as for ordinary pages", "\(now) bytes are, \(accounted) were")
        try receiver.receiveAndEndHolding(run, bed, pattern, bytes: 200_000)
    }

    /// Of a huge page of which a part is the area, all is accounted, and all is given back.
    private static let hugePart = Scenario(
        "resources.zcrx.huge-part", "an area that is a part of a huge page: what was accounted for it is given back", tier: .netdevsim,
        needs: Provider.zcrx.needs.union([.hugePages]),
        expects: Expectation(provider: .zcrx, minimumHolds: 3 * 256, pools: ExpectedPools(count: 3, buffers: 300, traffic: false))
    ) { run in
        let bed = try run.makeTestBed()
        try run.reserveHugePages()
        let before = try ResourceCounters.lockedBytes()
        for round in 1...3 {
            try bed.waitUnbound(within: run.timeout(10))
            let receiver = try ZeroCopyReceiver.make(
                run, bed: bed, pages: 300, pattern: PayloadPattern(seed: 10), area: try AreaMemory(pages: HugePages.pages, huge: true)
            ) { $0.area.length = 300 * 4096 }
            let accounted = try ResourceCounters.lockedBytes() - before
            try run.expect(accounted > 0, "round \(round): \(accounted) bytes accounted", "nothing is")
            try run.pools.observe()
            try run.step("ring closed") { receiver.close() }
            try bed.waitUnbound(within: run.timeout(10))
            try awaitAccounted(run, before)
            let left = try ResourceCounters.lockedBytes() - before
            try run.expect(left == 0, "nothing is accounted any more", "\(left) bytes are")
        }
    }

    /// A page that is pinned as often as the list has it is unpinned as often (`unpin_all_folios()` of drivers/dma-buf/udmabuf.c).
    ///
    /// Not for devmem: its binding of such a dma-buf ends in a BUG of lib/genalloc.c (docs/kernel-notes.md).
    private static let pagesTwice = Scenario(
        "resources.zcrx.pages-twice", "a dma-buf that has each page twice in a row: every pin of it is given back", tier: .netdevsim,
        needs: Provider.zcrx.needs.union([.zcrxDMABuf, .repeatedMappings]),
        expects: Expectation(provider: .zcrx, minimumHolds: 256, pools: ExpectedPools(traffic: false))
    ) { run in
        let bed = try run.makeTestBed()
        let memory = try run.step("a dma-buf of 256 pages, each twice") {
            AreaMemory(dmabuf: try UserDMABuf(size: 256 * MappedMemory.pageSize, twice: true))
        }
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 12), area: memory) {
            $0.area.length = UInt64(512 * MappedMemory.pageSize)
        }
        try run.pools.observe()
        try run.step("ring closed") { receiver.close() }
    }

    /// What is refused for the limit was never accounted, and may not be given back.
    private static let memlockRefused = Scenario(
        "resources.zcrx.memlock-refused", "areas beyond RLIMIT_MEMLOCK are refused, and the account is as before", tier: .netdevsim,
        needs: Provider.zcrx.needs, expects: Expectation(provider: .zcrx, minimumHolds: 256, pools: ExpectedPools(traffic: false))
    ) { run in
        let bed = try run.makeTestBed()
        let owner = try ProviderWorker(run, .zcrx, bed)
        run.cleanUp("owner finished") { try owner.finish() }
        let before = try owner.settled(run, within: 20, at: nil)
        try owner.ask("lock \(1 << 20)")
        try run.step("4 registrations of 2 MiB with a limit of 1: ENOMEM") {
            for _ in 0..<4 {
                do {
                    try owner.ask("bind 1")
                } catch let failure as ScenarioFailure {
                    guard failure.description.contains("ENOMEM") else { throw failure }
                    continue
                }
                throw ScenarioFailure("it was granted")
            }
        }
        let after = try owner.settled(run, within: 20, at: before)
        try run.expect(after == before, "as many descriptors and locked bytes as before", "before \(before), now \(after)")
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 11))
        try run.pools.observe()
        try run.step("ring closed") { receiver.close() }
    }

    /// Waits until no more is accounted than `goal`: a ring's memory is given back in the background.
    private static func awaitAccounted(_ run: ScenarioRun, _ goal: Int64) throws {
        try run.wait(timeout: 10) { try ResourceCounters.lockedBytes() <= goal }
    }

    /// A registration holds the address space that it accounts to (`mmgrab()` of `ifq->mm_account`): each process needs one of its own to show it.
    private static let addressSpaces = Scenario(
        "resources.zcrx.address-spaces", "\(2 * rounds) processes register, are closed or killed: their address spaces go, too", tier: .netdevsim,
        needs: Provider.zcrx.needs.union([.slabCounts]),
        expects: Expectation(provider: .zcrx, minimumHolds: 2 * rounds * 256, pools: ExpectedPools(count: 2 * rounds, traffic: false))
    ) { run in
        let bed = try run.makeTestBed()
        var owner: ProviderWorker?
        run.cleanUp("owner finished") { try owner?.finish() }
        let before = try AddressSpaces.count()
        for round in 1...2 * rounds {
            try run.step("registered and \(round % 2 == 0 ? "killed" : "closed"), round \(round)") {
                try bed.waitUnbound(within: run.timeout(10))
                owner = try ProviderWorker(run, .zcrx, bed)
                try owner?.ask("bind 1")
                try run.userBound()
                try run.pools.observe()
                if round % 2 == 0 {
                    try owner?.kill()
                } else {
                    try owner?.finish()
                }
                owner = nil
            }
        }
        try bed.waitUnbound(within: run.timeout(10))
        var left = try AddressSpaces.count()
        // An idle CPU keeps the address space of the last process until it runs another.
        try run.wait(timeout: 10, pause: 0.05) {
            left = try AddressSpaces.count()
            return left <= before + rounds
        }
        try run.expect(
            left <= before + rounds, "no address space per process is left", "\(before) mm_structs before, \(left) after \(2 * rounds) processes")
    }

    /// What a ring had locked is given back from a work queue: the refusal before that is no failure, the one after it is.
    private static func bindWhenFree(_ run: ScenarioRun, _ owner: ProviderWorker?, _ command: String) throws {
        let deadline = Deadline(seconds: run.timeout(10))
        while true {
            do {
                try owner?.ask(command)
                return
            } catch let failure as ScenarioFailure {
                guard failure.description.contains("ENOMEM"), !deadline.hasPassed else { throw failure }
                try run.pools.runSoftirqs(for: 0.01)
            }
        }
    }

    /// A binding keeps its queues in an array of its own, which grows a node where they are several (`bound_rxqs`).
    private static let leakedQueues = Scenario(
        "resources.devmem.kmemleak-queues", "a binding of two queues leaves no memory that nobody points to", tier: .netdevsim,
        needs: Provider.devmem.needs.union([.kmemleak]),
        expects: Expectation(provider: .devmem, minimumHolds: 2, pools: ExpectedPools(count: 2, traffic: false)), deadline: 120
    ) { run in
        let bed = try run.makeTestBed(queues: 2)
        try run.step("what kmemleak knows of already forgotten") { try Kmemleak.clear() }
        let bindings = try DevmemBindings(run)
        try run.step("a dma-buf bound to both queues") { try bindings.bind(bed.ifindex, [0, 1]) }
        for _ in 0..<2 { try run.userBound() }
        try run.pools.observe()
        try run.step("netlink socket closed") { bindings.unbind() }
        try run.step("the provider's pools have gone") { try run.pools.drain(within: run.timeout(6)) }
        try run.step("kmemleak finds nothing") { try Kmemleak.scan() }
    }

    /// Life cycles of every kind, and then kmemleak's verdict.
    private static func leaks(_ provider: Provider) -> Scenario {
        let kinds: [[Move]] = [
            [.bind, .connect, .hold, .leaveUnread, .end, .close], [.bind, .connect, .hold, .down, .up, .kill],
            [.bind, .connect, .leaveUnread, .restart1, .close, .end],
            [.bind, .setNetns, .exitNetns, .end],
        ]
        let moves = kinds.flatMap { $0 }
        let last = MoveState.after(moves, of: provider == .zcrx ? .zcrx : .devmem)
        return Scenario(
            "resources.\(provider.rawValue).kmemleak", "life cycles of every kind leave no memory that nobody points to", tier: .netdevsim,
            needs: provider.needs.union([.removableInterface, .queueReset, .kmemleak]),
            expects: Expectation(provider: provider, minimumHolds: 1, pools: ExpectedPools(count: last?.pools ?? 0, traffic: true)), deadline: 120
        ) { run in
            try run.step("what kmemleak knows of already forgotten") { try Kmemleak.clear() }
            try MoveDriver.drive(run, provider, moves)
            try run.step("the provider's pools have gone") { try run.pools.drain(within: run.timeout(6)) }
            try run.step("kmemleak finds nothing") { try Kmemleak.scan() }
        }
    }
}

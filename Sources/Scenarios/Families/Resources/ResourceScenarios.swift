// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import LifeCycle
import Results

/// Resources of a life cycle, checked more closely than by the counters of every scenario: over many rounds, under a limit, and by kmemleak.
enum ResourceScenarios {
    private static let rounds = 8

    static let all: [Scenario] =
        Provider.ofNetIovs.flatMap { provider in
            [rounds(provider), leaks(provider)]
        } + [
            lockedMemory("close", kill: false), lockedMemory("kill", kill: true), lockedMemory("kernel", kill: false, kernel: true), leakedQueues,
            memlockRefused, addressSpaces, hugePages, hugePart, pagesTwice,
        ]

    /// The process has the same number of descriptors and of locked bytes after each round as after the first.
    private static func rounds(_ provider: Provider) -> Scenario {
        Scenario(
            "resources.\(provider.rawValue).rounds",
            "\(rounds) rounds of bind, receive, hold, end by one process: after each it has the same resources as after the first",
            tier: .netdevsim, needs: provider.needs,
            expects: Expectation(provider: provider, minimumHolds: rounds * 256, pools: ExpectedPools(count: rounds, traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let worker = try ProviderWorker(run, provider, bed)
            run.cleanUp("peer's socket closed") { try bed.peer.abort() }
            run.cleanUp("worker ended") { try worker.finish() }
            var first: String?
            for round in 1...rounds {
                let left = try run.step("round \(round)") { () throws -> String in
                    try bed.waitUnbound(within: run.timeout(10))
                    try worker.lifeCycle(bed, run, seed: 300 + UInt64(round), provider)
                    return try worker.settled(run, within: 20, at: first)
                }
                first = first ?? left
                try run.expect(
                    left == first, "the same descriptors and locked bytes after round \(round) as after the first",
                    "first \(first ?? ""), now \(left)")
            }
        }
    }

    /// Under RLIMIT_MEMLOCK a registration is refused where the memory of the one before is still accounted.
    ///
    /// - Parameter kernel: with a refill ring that the kernel allocates: 17 pages, for which it accounts 32 where the limit allows, and otherwise 17
    ///   (`io_mem_alloc_compound()`). So where some pages stay accounted, the kernel refuses the larger area at the end, and not the next one.
    private static func lockedMemory(_ name: String, kill: Bool, kernel: Bool = false) -> Scenario {
        let registrations = rounds + (kernel ? 1 : 0)
        return Scenario(
            "resources.zcrx.memlock-\(name)",
            "register \(rounds) times with an RLIMIT_MEMLOCK for one area, each time \(kill ? "killed" : "closed"): all memory is unaccounted"
                + (kernel ? ", also the kernel's pages for a refill ring" : ""),
            tier: .netdevsim, needs: Provider.zcrx.needs,
            expects: Expectation(provider: .zcrx, minimumHolds: registrations * 256, pools: ExpectedPools(count: registrations, traffic: false))
        ) { run in
            let bed = try run.makeTestBed()
            var worker: ProviderWorker?
            run.cleanUp("worker ended") { try worker?.finish() }
            for round in 1...registrations {
                let command = !kernel ? "bind 1" : round == registrations ? "bind 1 \(512 + 32)" : "bind 1 kernel"
                try run.step(round > rounds ? "128 KiB more registered and closed" : "registered and \(kill ? "killed" : "closed"), round \(round)") {
                    try bed.waitUnbound(within: run.timeout(10))
                    if worker == nil {
                        worker = try ProviderWorker(run, .zcrx, bed)
                        // An area of 2 MiB, its refill ring of 68 KiB, and about 40 KiB of the ring. The limit does not allow four more refill rings.
                        try worker?.perform("lock \(2 << 20 + 320 << 10)")
                    }
                    try bindWhenUnaccounted(run, worker, command)
                    try run.userBound()
                    try run.pools.observe()
                    if kill {
                        try worker?.kill()
                        worker = nil
                    } else {
                        try worker?.perform("end")
                    }
                }
            }
        }
    }

    /// The kernel accounts huge pages by folio (`io_count_account_pages()`) and ordinary pages by page: the sum is the same.
    private static let hugePages = Scenario(
        "resources.zcrx.huge-pages", "an area of huge pages is received into, and is accounted and unaccounted like one of ordinary pages",
        tier: .netdevsim,
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
        try run.expect(
            now == accounted, "\(accounted) bytes are accounted, as for ordinary pages", "\(now) bytes are accounted instead of \(accounted)")
        try receiver.receiveAndEndHolding(run, bed, pattern, bytes: 200_000)
    }

    /// Where the area is a part of a huge page, the kernel accounts the whole huge page, and must unaccount it.
    private static let hugePart = Scenario(
        "resources.zcrx.huge-part", "an area that is a part of a huge page: all memory accounted for it is unaccounted", tier: .netdevsim,
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
            try run.expect(accounted > 0, "round \(round): \(accounted) bytes are accounted", "none is")
            try run.pools.observe()
            try run.step("ring closed") { receiver.close() }
            try bed.waitUnbound(within: run.timeout(10))
            try awaitAccounted(run, before)
            let left = try ResourceCounters.lockedBytes() - before
            try run.expect(left == 0, "no byte is accounted after the close", "\(left) bytes are")
        }
    }

    /// A page is pinned once for each time that the list has it, and must be unpinned as often (`unpin_all_folios()` of
    /// drivers/dma-buf/udmabuf.c).
    ///
    /// Only with zcrx: devmem's binding of such a dma-buf ends in a BUG of lib/genalloc.c (docs/kernel-notes.md).
    private static let pagesTwice = Scenario(
        "resources.zcrx.pages-twice", "a dma-buf that has each page twice, adjacent: each page is unpinned as often as it was pinned",
        tier: .netdevsim,
        needs: Provider.zcrx.needs.union([.zcrxDMABuf, .repeatedMappings]),
        expects: Expectation(provider: .zcrx, minimumHolds: 256, pools: ExpectedPools(traffic: false))
    ) { run in
        let bed = try run.makeTestBed()
        let memory = try run.step("dma-buf made of 256 pages, each twice") {
            AreaMemory(dmabuf: try UserDMABuf(size: 256 * MappedMemory.pageSize, twice: true))
        }
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 12), area: memory) {
            $0.area.length = UInt64(512 * MappedMemory.pageSize)
        }
        try run.pools.observe()
        try run.step("ring closed") { receiver.close() }
    }

    /// The kernel has not accounted a registration that it refuses for the limit, and must not unaccount it.
    private static let memlockRefused = Scenario(
        "resources.zcrx.memlock-refused", "areas above RLIMIT_MEMLOCK are refused, and the accounted memory is as before", tier: .netdevsim,
        needs: Provider.zcrx.needs, expects: Expectation(provider: .zcrx, minimumHolds: 256, pools: ExpectedPools(traffic: false))
    ) { run in
        let bed = try run.makeTestBed()
        let worker = try ProviderWorker(run, .zcrx, bed)
        run.cleanUp("worker ended") { try worker.finish() }
        let before = try worker.settled(run, within: 20, at: nil)
        try worker.perform("lock \(1 << 20)")
        try run.step("4 registrations of 2 MiB with a limit of 1 MiB refused: ENOMEM") {
            for _ in 0..<4 {
                do {
                    try worker.perform("bind 1")
                } catch let failure as ScenarioFailure {
                    guard failure.description.contains("ENOMEM") else { throw failure }
                    continue
                }
                throw ScenarioFailure("the kernel granted it")
            }
        }
        let after = try worker.settled(run, within: 20, at: before)
        try run.expect(after == before, "the same descriptors and locked bytes as before", "before \(before), now \(after)")
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 11))
        try run.pools.observe()
        try run.step("ring closed") { receiver.close() }
    }

    /// Waits until at most `goal` bytes are accounted: a work queue unaccounts the memory of a ring.
    private static func awaitAccounted(_ run: ScenarioRun, _ goal: Int64) throws {
        try run.wait(timeout: 10) { try ResourceCounters.lockedBytes() <= goal }
    }

    /// A registration has a reference to the address space that it accounts to (`mmgrab()` of `ifq->mm_account`). Each process has an address space
    /// of its own, so that leaked ones are counted.
    private static let addressSpaces = Scenario(
        "resources.zcrx.address-spaces", "\(2 * rounds) processes register, and close or are killed: their address spaces are freed",
        tier: .netdevsim,
        needs: Provider.zcrx.needs.union([.slabCounts]),
        expects: Expectation(provider: .zcrx, minimumHolds: 2 * rounds * 256, pools: ExpectedPools(count: 2 * rounds, traffic: false))
    ) { run in
        let bed = try run.makeTestBed()
        var worker: ProviderWorker?
        run.cleanUp("worker ended") { try worker?.finish() }
        let before = try AddressSpaces.count()
        for round in 1...2 * rounds {
            try run.step("registered and \(round % 2 == 0 ? "killed" : "closed"), round \(round)") {
                try bed.waitUnbound(within: run.timeout(10))
                worker = try ProviderWorker(run, .zcrx, bed)
                try worker?.perform("bind 1")
                try run.userBound()
                try run.pools.observe()
                if round % 2 == 0 {
                    try worker?.kill()
                } else {
                    try worker?.finish()
                }
                worker = nil
            }
        }
        try bed.waitUnbound(within: run.timeout(10))
        var left = try AddressSpaces.count()
        // An idle CPU has a reference to the address space of its last process until it runs another.
        try run.wait(timeout: 10, pause: 0.05) {
            left = try AddressSpaces.count()
            return left <= before + rounds
        }
        try run.expect(
            left <= before + rounds, "fewer address spaces are left than one for every second process",
            "\(before) mm_structs before, \(left) after \(2 * rounds) processes")
    }

    /// Binds, and tries again after ENOMEM: a work queue unaccounts the memory of the ring before.
    private static func bindWhenUnaccounted(_ run: ScenarioRun, _ worker: ProviderWorker?, _ command: String) throws {
        var refusal: ScenarioFailure?
        try run.wait(orFail: refusal?.description ?? "refused", timeout: 10) {
            do {
                try worker?.perform(command)
                return true
            } catch let failure as ScenarioFailure where failure.description.contains("ENOMEM") {
                refusal = failure
                return false
            }
        }
    }

    /// A binding has its queues in an xarray, which allocates a node where they are several (`bound_rxqs`).
    private static let leakedQueues = Scenario(
        "resources.devmem.kmemleak-queues", "a binding of two queues leaks no kernel memory", tier: .netdevsim,
        needs: Provider.devmem.needs.union([.kmemleak]),
        expects: Expectation(provider: .devmem, minimumHolds: 2, pools: ExpectedPools(count: 2, traffic: false)), deadline: 120
    ) { run in
        let bed = try run.makeTestBed(queues: 2)
        try run.step("earlier findings of kmemleak discarded") { try Kmemleak.clear() }
        let bindings = try DevmemBindings(run)
        try run.step("dma-buf bound to both queues") { try bindings.bind(bed.ifindex, [0, 1]) }
        for _ in 0..<2 { try run.userBound() }
        try run.pools.observe()
        try run.step("netlink socket closed") { bindings.unbind() }
        try run.step("pools of the provider are released") { try run.pools.drain(within: run.timeout(6)) }
        try run.step("kmemleak finds no leaked object") { try Kmemleak.scan() }
    }

    /// Life cycles of every kind, and then a scan by kmemleak.
    private static func leaks(_ provider: Provider) -> Scenario {
        let kinds: [[Move]] = [
            [.bind, .connect, .hold, .leaveUnread, .end, .close], [.bind, .connect, .hold, .down, .up, .kill],
            [.bind, .connect, .leaveUnread, .restart1, .close, .end],
            [.bind, .setNetns, .exitNetns, .end],
        ]
        let moves = kinds.flatMap { $0 }
        let last = MoveState.after(moves, of: provider == .zcrx ? .zcrx : .devmem)
        return Scenario(
            "resources.\(provider.rawValue).kmemleak", "life cycles of every kind leak no kernel memory", tier: .netdevsim,
            needs: provider.needs.union([.removableInterface, .queueReset, .kmemleak]),
            expects: Expectation(provider: provider, minimumHolds: 1, pools: ExpectedPools(count: last?.pools ?? 0, traffic: true)), deadline: 120
        ) { run in
            try run.step("earlier findings of kmemleak discarded") { try Kmemleak.clear() }
            try MoveDriver.drive(run, provider, moves)
            try run.step("pools of the provider are released") { try run.pools.drain(within: run.timeout(6)) }
            try run.step("kmemleak finds no leaked object") { try Kmemleak.scan() }
        }
    }
}

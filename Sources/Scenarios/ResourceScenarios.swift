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
            let bed = try TestBed.make(run)
            let owner = try Owner(run, provider, bed)
            run.cleanUp("peer's socket closed") { try bed.peer.abort() }
            run.cleanUp("owner finished") { try owner.finish() }
            var first: String?
            for round in 1...rounds {
                let left = try run.step("round \(round)") { () throws -> String in
                    try bed.waitUnbound(within: run.patience(10))
                    try owner.life(bed, run, seed: 300 + UInt64(round), provider)
                    return try owner.settled(run, within: run.patience(20), at: first)
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
            let bed = try TestBed.make(run)
            var owner: Owner?
            run.cleanUp("owner finished") { try owner?.finish() }
            for round in 1...lives {
                let command = !kernel ? "bind 1" : round == lives ? "bind 1 \(512 + 32)" : "bind 1 kernel"
                try run.step(round > rounds ? "128 KiB more registered and closed" : "registered and \(kill ? "killed" : "closed"), round \(round)") {
                    try bed.waitUnbound(within: run.patience(10))
                    if owner == nil {
                        owner = try Owner(run, .zcrx, bed)
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
        let bed = try TestBed.make(run)
        try HugePages.reserve(run)
        let before = try ResourceCounters.lockedBytes()
        let ordinary = try ZeroCopyReceiver.make(run, bed: bed, pages: HugePages.pages, pattern: PayloadPattern(seed: 8))
        let accounted = try ResourceCounters.lockedBytes() - before
        try run.pools.observe()
        try run.step("ring closed") { ordinary.close() }
        try bed.waitUnbound(within: run.patience(10))
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
        let bed = try TestBed.make(run)
        try HugePages.reserve(run)
        let before = try ResourceCounters.lockedBytes()
        for round in 1...3 {
            try bed.waitUnbound(within: run.patience(10))
            let receiver = try ZeroCopyReceiver.make(
                run, bed: bed, pages: 300, pattern: PayloadPattern(seed: 10), area: try AreaMemory(pages: HugePages.pages, huge: true)
            ) { $0.area.length = 300 * 4096 }
            let accounted = try ResourceCounters.lockedBytes() - before
            try run.expect(accounted > 0, "round \(round): \(accounted) bytes accounted", "nothing is")
            try run.pools.observe()
            try run.step("ring closed") { receiver.close() }
            try bed.waitUnbound(within: run.patience(10))
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
        let bed = try TestBed.make(run)
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
        let bed = try TestBed.make(run)
        let owner = try Owner(run, .zcrx, bed)
        run.cleanUp("owner finished") { try owner.finish() }
        let before = try owner.settled(run, within: run.patience(20), at: nil)
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
        let after = try owner.settled(run, within: run.patience(20), at: before)
        try run.expect(after == before, "as many descriptors and locked bytes as before", "before \(before), now \(after)")
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 11))
        try run.pools.observe()
        try run.step("ring closed") { receiver.close() }
    }

    /// Waits until no more is accounted than `goal`: a ring's memory is given back in the background.
    private static func awaitAccounted(_ run: ScenarioRun, _ goal: Int64) throws {
        let end = MonotonicClock.now + UInt64(run.patience(10) * 1e9)
        while try ResourceCounters.lockedBytes() > goal, MonotonicClock.now < end {
            _ = try run.pools.wait(within: 0.01, nudging: true) { _ in false }
        }
    }

    /// A registration holds the address space that it accounts to (`mmgrab()` of `ifq->mm_account`): each process needs one of its own to show it.
    private static let addressSpaces = Scenario(
        "resources.zcrx.address-spaces", "\(2 * rounds) processes register, are closed or killed: their address spaces go, too", tier: .netdevsim,
        needs: Provider.zcrx.needs.union([.slabCounts]),
        expects: Expectation(provider: .zcrx, minimumHolds: 2 * rounds * 256, pools: ExpectedPools(count: 2 * rounds, traffic: false))
    ) { run in
        let bed = try TestBed.make(run)
        var owner: Owner?
        run.cleanUp("owner finished") { try owner?.finish() }
        let before = try AddressSpaces.count()
        for round in 1...2 * rounds {
            try run.step("registered and \(round % 2 == 0 ? "killed" : "closed"), round \(round)") {
                try bed.waitUnbound(within: run.patience(10))
                owner = try Owner(run, .zcrx, bed)
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
        try bed.waitUnbound(within: run.patience(10))
        var left = try AddressSpaces.count()
        let end = MonotonicClock.now + UInt64(run.patience(10) * 1e9)
        // An idle CPU keeps the last process's until it runs another.
        while left > before + rounds, MonotonicClock.now < end {
            _ = try run.pools.wait(within: 0.05, nudging: true) { _ in false }
            left = try AddressSpaces.count()
        }
        try run.expect(
            left <= before + rounds, "no address space per process is left", "\(before) mm_structs before, \(left) after \(2 * rounds) processes")
    }

    /// What a ring had locked is given back from a work queue: the refusal before that is no failure, the one after it is.
    private static func bindWhenFree(_ run: ScenarioRun, _ owner: Owner?, _ command: String) throws {
        let end = MonotonicClock.now + UInt64(run.patience(10) * 1e9)
        while true {
            do {
                try owner?.ask(command)
                return
            } catch let failure as ScenarioFailure {
                guard failure.description.contains("ENOMEM"), MonotonicClock.now < end else { throw failure }
                _ = try run.pools.wait(within: 0.01, nudging: true) { _ in false }
            }
        }
    }

    /// A binding keeps its queues in an array of its own, which grows a node where they are several (`bound_rxqs`).
    private static let leakedQueues = Scenario(
        "resources.devmem.kmemleak-queues", "a binding of two queues leaves no memory that nobody points to", tier: .netdevsim,
        needs: Provider.devmem.needs.union([.kmemleak]),
        expects: Expectation(provider: .devmem, minimumHolds: 2, pools: ExpectedPools(count: 2, traffic: false)), deadline: 120
    ) { run in
        let bed = try TestBed.make(run, queues: 2)
        try run.step("what kmemleak knows of already forgotten") { try Kmemleak.forget() }
        let bindings = try DevmemBindings(run)
        try run.step("a dma-buf bound to both queues") { try bindings.bind(bed.ifindex, [0, 1]) }
        for _ in 0..<2 { try run.userBound() }
        try run.pools.observe()
        try run.step("netlink socket closed") { bindings.unbind() }
        try run.step("the provider's pools have gone") { try run.pools.drain(within: run.patience(6)) }
        try run.step("kmemleak finds nothing") { try Kmemleak.look() }
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
            try run.step("what kmemleak knows of already forgotten") { try Kmemleak.forget() }
            try MoveScenarios.drive(run, provider, moves)
            try run.step("the provider's pools have gone") { try run.pools.drain(within: run.patience(6)) }
            try run.step("kmemleak finds nothing") { try Kmemleak.look() }
        }
    }
}

extension Owner {
    /// One life: bound, connected, received and kept, closed and ended.
    fileprivate func life(_ bed: TestBed, _ run: ScenarioRun, seed: UInt64, _ provider: Provider) throws {
        try ask("bind \(seed)")
        try run.userBound()
        try ask("listen")
        try bed.peer.connect(to: bed.local, port: TestBed.port, within: run.patience(10))
        try ask("accept")
        try bed.peer.send(PayloadPattern(seed: seed), bytes: 40_000)
        let held = Int(try ask("receive 40000 keep")) ?? 0
        try run.userHolds(held)
        try run.pools.observe()
        try ask("recheck")
        try run.userEnds()
        try ask("close")
        try ask("end")
    }

    /// Its counts, once they are `goal` or time is up: a ring's memory is given back in the background.
    fileprivate func settled(_ run: ScenarioRun, within seconds: Double, at goal: String?) throws -> String {
        let end = MonotonicClock.now + UInt64(seconds * 1e9)
        while true {
            let counts = try ask("counts")
            if let goal, counts == goal { return counts }
            if goal == nil, counts.hasSuffix(" 0") { return counts }
            if MonotonicClock.now >= end { return counts }
            // Nudged, because an idle CPU keeps what was deferred to it, and with it the pool and its provider.
            _ = try run.pools.wait(within: 0.01, nudging: true) { _ in false }
        }
    }
}

/// The kernel's search for memory that nobody points to (mm/kmemleak.c).
enum Kmemleak {
    static let path = "/sys/kernel/debug/kmemleak"
    /// It reports nothing younger than 5 s (`jiffies_min_age`): the one wait that is for time itself.
    private static let youth: CInt = 5500

    static func forget() throws {
        try KernelFile.write(path, "scan")
        try KernelFile.write(path, "clear")
    }

    /// - Throws: `ScenarioFailure` with the first object where there is one, after two looks: a pointer on its way is missed by one.
    static func look() throws {
        _ = poll(nil, 0, youth)
        for _ in 0..<2 { try KernelFile.write(path, "scan") }
        let found = try KernelFile.read(path)
        guard !found.isEmpty else { return }
        let objects = found.split(separator: "\n").count { $0.hasPrefix("unreferenced object") }
        throw ScenarioFailure("\(objects) objects leaked; the first: \(found.prefix(1200))")
    }
}

/// Huge pages set aside (mm/hugetlb.c).
enum HugePages {
    static let reserved = "/proc/sys/vm/nr_hugepages"
    /// Of 2 MiB each: more than two, so that the first, the next and the last are different ones.
    static let count = 3
    /// Ordinary pages of as much memory.
    static let pages = count << 21 / 4096

    /// Reserves them, given back when the run is over.
    static func reserve(_ run: ScenarioRun) throws {
        let before = try KernelFile.read(reserved).prefix { $0.isNumber }
        run.cleanUp("huge pages given back") { try KernelFile.write(reserved, String(before)) }
        try run.step("\(count) huge pages reserved") {
            let wanted = (Int(before) ?? 0) + count
            try KernelFile.write(reserved, String(wanted))
            let got = Int(try KernelFile.read(reserved).prefix { $0.isNumber }) ?? 0
            guard got >= wanted else { throw ScenarioSkip("the kernel found \(got) huge pages of the \(wanted) that were asked for") }
        }
    }
}

/// How many mm_structs there are (kernel/fork.c), by the slab allocator's own count.
enum AddressSpaces {
    static let shrink = "/sys/kernel/slab/mm_struct/shrink"
    static let table = "/proc/slabinfo"

    static func count() throws -> Int {
        // Objects that CPUs keep for themselves count as used until this is written (kmem_cache_shrink(), mm/slub.c).
        try KernelFile.write(shrink, "1")
        guard let count = ResourceCounters.value(of: "mm_struct", in: try KernelFile.read(table)) else {
            throw ScenarioFailure("\(table) has no line of mm_struct")
        }
        return Int(count)
    }
}

// SPDX-License-Identifier: GPL-2.0

import Results

/// Page pools of ordinary pages: what a memory provider's buffers are measured against.
enum PageScenarios {
    static let all: [Scenario] = [
        Scenario(
            "pages.detach", "a page held across interface down leaves a detached pool, which goes when it returns", tier: .netdevsim,
            needs: [.interface, .pageHold],
            expects: Expectation(provider: .pages, minimumHolds: 1, detachedPool: true)
        ) { run in
            let bed = try TestBed.make(run)
            try run.step("page held") { try bed.holdPage(true) }
            try run.step("interface down") { try bed.setUp(false) }
            try ZeroCopyScenarios.seeDetached(run, .pages)
            try run.step("page returned") { try bed.holdPage(false) }
        },
        Scenario(
            "pages.looked-at", "a detached pool that the kernel finds waiting for a single page, twice, still goes when it returns", tier: .netdevsim,
            needs: [.interface, .pageHold],
            expects: Expectation(provider: .pages, minimumHolds: 1, detachedPool: true)
        ) { run in
            let bed = try TestBed.make(run)
            try run.step("page held") { try bed.holdPage(true) }
            try run.step("interface down") { try bed.setUp(false) }
            try ZeroCopyScenarios.seeDetached(run, .pages)
            // `page_pool_release_retry()` looks once a second and leaves no sign that user space could wait for.
            try run.step("two looks") { _ = try run.pools.wait(within: 2 * lookEvery + 0.5) { _ in false } }
            try run.step("page returned") { try bed.holdPage(false) }
        },
        // The pool is listed with the loopback device of the namespace that its interface left, and with none when that goes
        // (`page_pool_unreg_netdev_wipe()`).
        Scenario(
            "pages.orphaned", "a page held by a pool of a namespace, which ends before it returns", tier: .netdevsim,
            needs: [.interface, .removableInterface, .pageHold], expects: Expectation(provider: .pages, minimumHolds: 1), thorough: true
        ) { run in
            let bed = try TestBed.make(run)
            try run.pools.observe()
            let before = try TestBed.namespaces()
            try run.step("interface moved to another namespace, and up there") {
                try bed.moveAway()
                try bed.setUp(true)
            }
            try run.step("page held") { try bed.holdPage(true) }
            try run.step("that namespace ended, the interface is back") { try bed.endNamespace(within: run.patience(10)) }
            try run.step("and nothing is left of it") { try TestBed.awaitNamespaces(before, within: run.patience(10)) }
            // A look that finds the page still out must be followed by another.
            try run.step("a look") { _ = try run.pools.wait(within: lookEvery + 0.5) { _ in false } }
            try run.step("page returned") { try bed.holdPage(false) }
            // The pool goes at the kernel's next look. No namespace lists it, so nothing shows it but its trace.
            try run.step("the kernel has looked") { _ = try run.pools.wait(within: run.patience(2 * lookEvery)) { _ in false } }
        },
        // Changes are told of in the pool's own namespace (`netdev_nl_page_pool_event()`).
        Scenario(
            "pages.told-elsewhere", "pools of another namespace are told of there", tier: .netdevsim,
            needs: [.interface, .removableInterface, .pageHold], expects: Expectation(provider: .pages, minimumHolds: 1)
        ) { run in
            let bed = try TestBed.make(run)
            try run.step("a page taken here, and returned") {
                try bed.holdPage(true)
                try bed.holdPage(false)
            }
            guard let peerIndex = bed.peerIndex else { throw ScenarioSkip("the peer's interface is not the harness's") }
            let told = try run.step("the peer's interface down and up") {
                try bed.peer.ask("pool-changes \(peerIndex) \(Int(run.patience(10) * 1000))", within: run.patience(30))
            }
            try run.expect(
                told.hasPrefix("removed") && told.hasSuffix("added"), "a pool removed and one added were told of there: \(told)",
                "told of were: \(told)")
        },
        Scenario(
            "pages.unmapped", "a pool that goes with a page out leaves it without a DMA mapping: the device may go before the page returns",
            tier: .netdevsim, needs: [.interface, .pageHold, .dmaMappings],
            expects: Expectation(provider: .pages, minimumHolds: 1, detachedPool: true)
        ) { run in
            let bed = try TestBed.make(run)
            let before = ResourceCounters.dmaMappings() ?? 0
            try run.step("page held") { try bed.holdPage(true) }
            let mapped = ResourceCounters.dmaMappings() ?? 0
            try run.expect(mapped > before, "it is mapped for the device", "\(before) DMA mappings before, \(mapped) now")
            try run.step("interface down") { try bed.setUp(false) }
            try ZeroCopyScenarios.seeDetached(run, .pages)
            let left = ResourceCounters.dmaMappings() ?? 0
            try run.expect(left <= before, "none is left while the page is out", "\(before) DMA mappings before, \(left) now")
            try run.step("page returned") { try bed.holdPage(false) }
        },
    ]

    /// DEFER_TIME of net/core/page_pool.c, in seconds of the guest.
    private static let lookEvery = 1.0
}

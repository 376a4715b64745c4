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

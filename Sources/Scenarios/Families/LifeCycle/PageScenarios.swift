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
            let bed = try run.makeTestBed()
            try run.step("page held") { try bed.holdPage(true) }
            try run.step("interface down") { try bed.setUp(false) }
            try run.expectDetachedPool(of: .pages)
            try run.step("page returned") { try bed.holdPage(false) }
        },
        Scenario(
            "pages.retried", "a detached pool that the kernel finds waiting for a single page, twice, still goes when it returns", tier: .netdevsim,
            needs: [.interface, .pageHold],
            expects: Expectation(provider: .pages, minimumHolds: 1, detachedPool: true)
        ) { run in
            let bed = try run.makeTestBed()
            try run.step("page held") { try bed.holdPage(true) }
            try run.step("interface down") { try bed.setUp(false) }
            try run.expectDetachedPool(of: .pages)
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
            let bed = try run.makeTestBed()
            try run.pools.observe()
            let before = try NetworkNamespaceCount.read()
            try run.step("interface moved to another namespace, and up there") {
                try bed.moveAway()
                try bed.setUp(true)
            }
            try run.step("page held") { try bed.holdPage(true) }
            try run.step("that namespace ended, the interface is back") { try bed.endNamespace(within: run.timeout(10)) }
            try run.step("and nothing is left of it") { try NetworkNamespaceCount.wait(for: before, within: run.timeout(10)) }
            // A look that finds the page still out must be followed by another.
            try run.step("a look") { _ = try run.pools.wait(within: lookEvery + 0.5) { _ in false } }
            try run.step("page returned") { try bed.holdPage(false) }
            // The pool goes at the kernel's next look. No namespace lists it, so nothing shows it but its trace.
            try run.step("the kernel has looked") { _ = try run.pools.wait(within: run.timeout(2 * lookEvery)) { _ in false } }
        },
        // Changes are told of in the pool's own namespace (`netdev_nl_page_pool_event()`).
        Scenario(
            "pages.report-other-namespace", "pools of another namespace are told of there", tier: .netdevsim,
            needs: [.interface, .removableInterface, .pageHold], expects: Expectation(provider: .pages, minimumHolds: 1)
        ) { run in
            let bed = try run.makeTestBed()
            try run.step("a page taken here, and returned") {
                try bed.holdPage(true)
                try bed.holdPage(false)
            }
            guard let peerIndex = bed.peerIndex else { throw bed.notNetdevsim }
            let changes = try run.step("the peer's interface down and up") {
                try bed.peer.perform(
                    .reportPoolChanges(ifindex: peerIndex, milliseconds: Int32(run.timeout(10) * 1000)), within: run.timeout(30)
                ).words
            }
            try run.expect(
                changes.first == "removed" && changes.last == "added", "a pool removed and one added were notified there: \(changes)",
                "notified were: \(changes)")
        },
        Scenario(
            "pages.unmapped", "a pool that goes with a page out leaves it without a DMA mapping: the device may go before the page returns",
            tier: .netdevsim, needs: [.interface, .pageHold, .dmaMappings],
            expects: Expectation(provider: .pages, minimumHolds: 1, detachedPool: true)
        ) { run in
            let bed = try run.makeTestBed()
            let before = ResourceCounters.dmaMappings() ?? 0
            try run.step("page held") { try bed.holdPage(true) }
            let mapped = ResourceCounters.dmaMappings() ?? 0
            try run.expect(mapped > before, "it is mapped for the device", "\(before) DMA mappings before, \(mapped) now")
            try run.step("interface down") { try bed.setUp(false) }
            try run.expectDetachedPool(of: .pages)
            let left = ResourceCounters.dmaMappings() ?? 0
            try run.expect(left <= before, "none is left while the page is out", "\(before) DMA mappings before, \(left) now")
            try run.step("page returned") { try bed.holdPage(false) }
        },
    ]

    /// DEFER_TIME of net/core/page_pool.c, in seconds of the guest.
    private static let lookEvery = 1.0
}

// SPDX-License-Identifier: GPL-2.0

import Results

/// Page pools of ordinary pages, as a comparison for those of memory providers.
enum PageScenarios {
    static let all: [Scenario] = [
        Scenario(
            "pages.detach", "a page held while the interface is set down makes a detached pool, which is released when the page is returned",
            tier: .netdevsim,
            needs: [.interface, .pageHold],
            expects: Expectation(provider: .pages, minimumHolds: 1, detachedPool: true)
        ) { run in
            let bed = try detach(run)
            try run.step("page returned") { try bed.holdPage(false) }
        },
        Scenario(
            "pages.retried", "a detached pool with one page in flight is released after two unsuccessful retries, when the page is returned",
            tier: .netdevsim,
            needs: [.interface, .pageHold],
            expects: Expectation(provider: .pages, minimumHolds: 1, detachedPool: true)
        ) { run in
            let bed = try detach(run)
            // `page_pool_release_retry()` runs once a second and has no effect that user space could wait for.
            try run.step("time for two retries") { _ = try run.pools.wait(within: 2 * retryInterval + 0.5) { _ in false } }
            try run.step("page returned") { try bed.holdPage(false) }
        },
        // The kernel lists the pool with the loopback device of the namespace that its interface left, and with no device when that namespace
        // ends (`page_pool_unreg_netdev_wipe()`).
        Scenario(
            "pages.orphaned", "the network namespace of a pool ends before the held page of the pool is returned", tier: .netdevsim,
            needs: [.interface, .removableInterface, .pageHold], expects: Expectation(provider: .pages, minimumHolds: 1), thorough: true
        ) { run in
            let bed = try run.makeTestBed()
            try run.pools.observe()
            let before = try NetworkNamespaceCount.read()
            try run.step("interface moved to another namespace, and set up there") {
                try bed.moveAway()
                try bed.setUp(true)
            }
            try run.step("page held") { try bed.holdPage(true) }
            try run.step("that namespace ended, and its interface moved back") { try bed.endNamespace(within: run.timeout(10)) }
            try run.step("the kernel freed the namespace") { try NetworkNamespaceCount.wait(for: before, within: run.timeout(10)) }
            // A retry that finds the page in flight must be followed by another.
            try run.step("time for one retry") { _ = try run.pools.wait(within: retryInterval + 0.5) { _ in false } }
            try run.step("page returned") { try bed.holdPage(false) }
            // The next retry releases the pool. No namespace lists it, so only the trace shows its release.
            try run.step("time for the next retry") { _ = try run.pools.wait(within: run.timeout(2 * retryInterval)) { _ in false } }
        },
        // The kernel sends notifications to the network namespace of the pool (`netdev_nl_page_pool_event()`).
        Scenario(
            "pages.report-other-namespace", "notifications of a pool are sent to its own network namespace only", tier: .netdevsim,
            needs: [.interface, .removableInterface, .pageHold], expects: Expectation(provider: .pages, minimumHolds: 1)
        ) { run in
            let bed = try run.makeTestBed()
            try run.step("page of a pool of this namespace held, and returned") {
                try bed.holdPage(true)
                try bed.holdPage(false)
            }
            guard let peerIndex = bed.peerIndex else { throw bed.notNetdevsim }
            let changes = try run.step("the peer's interface set down and up") {
                try bed.peer.perform(
                    .reportPoolChanges(ifindex: peerIndex, milliseconds: Int32(run.timeout(10) * 1000)), within: run.timeout(30)
                ).words
            }
            try run.expect(
                changes.first == "removed" && changes.last == "added", "the peer was notified of a removed pool and of an added one: \(changes)",
                "it was notified of: \(changes)")
        },
        Scenario(
            "pages.unmapped", "a pool destroyed with a page in flight unmaps that page: the device may be removed before the page is returned",
            tier: .netdevsim, needs: [.interface, .pageHold, .dmaMappings],
            expects: Expectation(provider: .pages, minimumHolds: 1, detachedPool: true)
        ) { run in
            let bed = try run.makeTestBed()
            let before = ResourceCounters.dmaMappings() ?? 0
            try run.step("page held") { try bed.holdPage(true) }
            let mapped = ResourceCounters.dmaMappings() ?? 0
            try run.expect(mapped > before, "the page is mapped for the device", "\(before) DMA mappings before, \(mapped) now")
            try run.step("interface down") { try bed.setUp(false) }
            try run.expectDetachedPool(of: .pages)
            let left = ResourceCounters.dmaMappings() ?? 0
            try run.expect(left <= before, "no mapping is left while the page is in flight", "\(before) DMA mappings before, \(left) now")
            try run.step("page returned") { try bed.holdPage(false) }
        },
    ]

    /// Holds a page and sets the interface down, so that the pool is detached.
    private static func detach(_ run: ScenarioRun) throws -> any TestBed {
        let bed = try run.makeTestBed()
        try run.step("page held") { try bed.holdPage(true) }
        try run.step("interface down") { try bed.setUp(false) }
        try run.expectDetachedPool(of: .pages)
        return bed
    }

    /// DEFER_TIME of net/core/page_pool.c, in seconds of the guest.
    private static let retryInterval = 1.0
}

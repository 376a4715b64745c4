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
        }
    ]
}

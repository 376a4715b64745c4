// SPDX-License-Identifier: GPL-2.0

import Results

/// A provider on a queue that is not the interface's first.
enum SecondQueueScenarios {
    static let zcrx = gone(.zcrx)
    static let devmem = gone(.devmem)

    /// Whoever tells providers of their device's end goes through its queues (`dev_memory_provider_uninstall()`).
    private static func gone(_ provider: Provider) -> Scenario {
        Scenario(
            "\(provider.rawValue).second-queue-gone", "of two queues the second has the provider, and the interface goes under it", tier: .netdevsim,
            needs: provider.needs.union([.removableInterface]),
            expects: Expectation(provider: provider, minimumHolds: 256, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try run.makeTestBed(queues: 2, queue: 1)
            let receiver = try provider.makeReceiver(run, bed: bed, pattern: PayloadPattern(seed: 63))
            try bed.expectProviders(run, on: [1], "the second queue has a provider, and no other")
            try run.pools.observe()
            // Not the device: devmem does not hold it (docs/kernel-notes.md).
            try run.step("the driver unbound from the device") { try bed.unbindDriver() }
            try run.step("provider ended") { receiver.end() }
        }
    }
}

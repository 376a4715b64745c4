// SPDX-License-Identifier: GPL-2.0

import Results

/// A provider on the second queue of an interface.
enum SecondQueueScenarios {
    static let zcrx = unregistered(.zcrx)
    static let devmem = unregistered(.devmem)

    /// When a device is unregistered, the kernel uninstalls the provider of each of its queues (`dev_memory_provider_uninstall()`).
    private static func unregistered(_ provider: Provider) -> Scenario {
        Scenario(
            "\(provider.rawValue).second-queue-gone", "the second of two queues has the provider when the interface is unregistered",
            tier: .netdevsim,
            needs: provider.needs.union([.removableInterface]),
            expects: Expectation(provider: provider, minimumHolds: 256, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try run.makeTestBed(queues: 2, queue: 1)
            let receiver = try provider.makeReceiver(run, bed: bed, pattern: PayloadPattern(seed: 63))
            try bed.expectProviders(run, on: [1], "only the second queue has a provider")
            try run.pools.observe()
            // The device stays: devmem has no reference to it (docs/kernel-notes.md).
            try run.step("driver unbound from the device") { try bed.unbindDriver() }
            try run.step("provider ended") { receiver.end() }
        }
    }
}

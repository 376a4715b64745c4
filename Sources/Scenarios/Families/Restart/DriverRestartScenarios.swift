// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A driver whose queue operations fail while a bound queue is restarted: the old queue continues (`netdev_rx_queue_reconfig()`).
/// netdevsim fails them on request.
enum DriverRestartScenarios {
    static let all = Provider.ofNetIovs.map(restarted)

    private static let portion: UInt64 = 30_000

    /// The operations that can fail in each mode of netdevsim. In mode 1 the new pool has the NAPI of the old queue, which must not run when the
    /// kernel frees the unused pool. In mode 3 the old queue cannot be started again, because netdevsim has deleted its NAPI.
    private static let modes: [(mode: Int, operations: [Netdevsim.QueueOperation])] = [
        (0, [.alloc, .stop, .start]), (1, [.alloc]), (2, [.alloc, .stop, .start]), (3, [.alloc, .stop]),
    ]

    /// After a failed restart a bound queue has the same pool and the same provider.
    private static func restarted(_ provider: Provider) -> Scenario {
        Scenario(
            "restart.\(provider.rawValue).driver-fails",
            "\(provider.rawValue): the driver cannot allocate the new queue, stop the old one, or start the new one: the old queue continues",
            tier: .netdevsim, needs: provider.needs.union([.queueReset]),
            expects: Expectation(provider: provider, minimumHolds: 256, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let restarted = try ProviderStream(run, provider, seed: 800)
            let bed = restarted.bed
            try run.step("\(portion) bytes received and held") { try restarted.receive(run, portion, hold: true) }
            try run.userHolds(restarted.streams.heldNetIovs)
            let before = try run.pools.observe().map { $0.id }
            for (mode, operations) in modes {
                for operation in operations {
                    try run.step("the driver's next \(operation.rawValue) fails") { try bed.fail(operation) }
                    try run.expectRefusal(operation.errno, "restart in mode \(mode)") { try bed.resetQueue(mode: mode) }
                    try bed.expectFailed(run, operation)
                    try bed.expectProviders(run, on: [bed.queue], "the queue has its provider")
                    try run.step("\(portion) more received and returned") { try restarted.receive(run, portion) }
                    let after = try run.pools.observe().map { $0.id }
                    try run.expect(before == after, "the pools are the same", "\(before) became \(after)")
                }
            }
            try run.step("\(restarted.streams.held.count) held deliveries are unchanged") { try restarted.streams.recheckHeld() }
            try run.userHolds(0)
            try run.step("all returned") { try restarted.streams.returnBuffers() }
            try restarted.end(run)
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A driver whose queue operations fail while a bound queue is restarted: the queue that was there goes on
/// (`netdev_rx_queue_reconfig()`). netdevsim fails them on request.
enum DriverRestartScenarios {
    static let all = Provider.ofNetIovs.map(restarted)

    private static let portion: UInt64 = 30_000

    /// What can fail in which of netdevsim's orders. In mode 1 the new pool has the old queue's NAPI, which must not run where the pool is
    /// freed unused; in mode 3 the old queue cannot be started again, for its NAPI is deleted when it was added.
    private static let orders: [(mode: Int, operations: [Netdevsim.QueueOperation])] = [
        (0, [.alloc, .stop, .start]), (1, [.alloc]), (2, [.alloc, .stop, .start]), (3, [.alloc, .stop]),
    ]

    /// A bound queue that cannot be restarted is the old one still, with its pool and its provider.
    private static func restarted(_ provider: Provider) -> Scenario {
        Scenario(
            "restart.\(provider.rawValue).driver-fails",
            "\(provider.rawValue): the driver has no memory for the new queue, cannot stop the old, or cannot start the new: the old goes on",
            tier: .netdevsim, needs: provider.needs.union([.queueReset]),
            expects: Expectation(provider: provider, minimumHolds: 256, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let course = try RestartedStream(run, provider)
            let bed = course.bed
            try run.step("\(portion) bytes received and kept") { try course.move(run, portion, hold: true) }
            try run.userHolds(course.streams.heldNetIovs)
            let before = try run.pools.observe().map { $0.id }
            for (mode, operations) in orders {
                for operation in operations {
                    try run.step("the driver's next \(operation.rawValue) fails") { try bed.fail(operation) }
                    var answer = "done"
                    do {
                        try bed.resetQueue(mode: mode)
                    } catch let error as KernelError {
                        answer = error.codeName
                    }
                    let name = KernelError("", code: operation.errno).codeName
                    try run.expect(answer == name, "the restart in mode \(mode) refused with \(name)", "the answer was \(answer)")
                    try bed.expectFailed(run, operation)
                    try bed.expectProviders(run, on: [bed.queue], "the queue has its provider")
                    try run.step("\(portion) more received and returned") { try course.move(run, portion) }
                    let after = try run.pools.observe().map { $0.id }
                    try run.expect(before == after, "the pools are the same", "\(before) became \(after)")
                }
            }
            try run.step("\(course.streams.held.count) held deliveries are as they came") { try course.streams.recheckHeld() }
            try run.userHolds(0)
            try run.step("given back") { try course.streams.returnBuffers() }
            try course.end(run)
        }
    }
}

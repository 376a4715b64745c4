// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A driver whose queue operations fail: the kernel must undo everything that it did before, and the old queue continues
/// (`netdev_rx_queue_reconfig()`, `__netif_mp_open_rxq()`). netdevsim fails them on request.
enum DriverRefusalScenarios {
    static let all = Provider.ofNetIovs.map(refused) + [secondQueue]

    private static let portion: UInt64 = 30_000

    private static func refused(_ provider: Provider) -> Scenario {
        Scenario(
            "refuse.\(provider.rawValue).driver-fails",
            "\(provider.rawValue) is refused where the driver cannot allocate the new queue, stop the old one, or start the new one",
            tier: .netdevsim, needs: provider.needs.union([.queueReset]),
            expects: Expectation(provider: provider, minimumHolds: 256, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            for (number, operation) in Netdevsim.QueueOperation.allCases.enumerated() {
                try run.step("the driver's next \(operation.rawValue) fails") { try bed.fail(operation) }
                try run.expectRefused(provider, bed, queue: bed.queue, .init(operation.errno))
                try bed.expectFailed(run, operation)
                try bed.expectProviders(run, on: [], "the queue has no provider")
                let socket = try bed.connect(run, number)
                try run.step("\(portion) bytes received in ordinary pages") {
                    try bed.peer.write(number, PayloadPattern(seed: 70), bytes: portion, sizes: [4096])
                    try socket.waitUnread(Int(portion), within: run.timeout(10))
                }
                socket.close()
                try bed.peer.shut(number)
                try run.step("queue restarted") { try bed.resetQueue(mode: 0) }
                // A provider that the kernel left on the queue would be counted (`dev_get_min_mp_channel_count()`).
                try run.step("tcp-data-split set to off and on, which is granted without a provider") {
                    for split in [DeviceRings.DataSplit.disabled, .enabled] {
                        try Ethtool().setRings(of: bed.ifindex, to: DeviceRings(tcpDataSplit: split))
                    }
                }
            }
            let streams = try provider.makeStreams(run, bed: bed)
            let pattern = PayloadPattern(seed: 71)
            let number = Netdevsim.QueueOperation.allCases.count
            let socket = try bed.connect(run, number)
            let stream = streams.add(socket, pattern)
            try run.step("\(portion) bytes received in net_iovs") {
                try bed.peer.write(number, pattern, bytes: portion, sizes: [4096])
                try streams.receive([stream: portion], within: run.timeout(10))
            }
            run.payload = try streams.payload(sent: try bed.peer.written(number, within: run.timeout(10)))
            try run.pools.observe()
            socket.close()
            try run.step("provider ended") { streams.end() }
        }
    }

    /// A binding of two queues, of which the driver fails the second: the kernel must unbind the first at once, before the netlink socket is closed.
    private static let secondQueue = Scenario(
        "refuse.devmem.driver-fails-second", "devmem is refused two queues of which the driver fails the second, and the first has no provider",
        tier: .netdevsim, needs: Provider.devmem.needs.union([.queueReset]),
        expects: Expectation(provider: .devmem, minimumHolds: 512, pools: ExpectedPools(count: 5, traffic: false))
    ) { run in
        let bed = try run.makeTestBed(queues: 2)
        let bindings = try DevmemBindings(run)
        for operation in Netdevsim.QueueOperation.allCases {
            try run.step("the driver's second \(operation.rawValue) from now fails") { try bed.fail(operation, call: 2) }
            try run.expectRefusal(operation.errno, "binding both queues") { try bindings.bind(bed.ifindex, [0, 1]) }
            try bed.expectFailed(run, operation)
            try bed.expectProviders(run, on: [], "no queue has a provider")
            try run.pools.observe()
        }
        try run.step("both queues bound over the same netlink socket") { try bindings.bind(bed.ifindex, [0, 1]) }
        try run.userBound()
        try bed.expectProviders(run, on: [0, 1], "each queue has a provider")
        try run.pools.observe()
        try run.step("unbound") { bindings.unbind() }
    }
}

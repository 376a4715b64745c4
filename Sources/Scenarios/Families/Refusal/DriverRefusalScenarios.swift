// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A driver whose queue operations fail: nothing of what the kernel did before may be left, and the queue that was there goes on
/// (`netdev_rx_queue_reconfig()`, `__netif_mp_open_rxq()`). netdevsim fails when it is told to.
enum DriverRefusalScenarios {
    static let all = Provider.ofNetIovs.map(refused) + [secondQueue]

    private static let portion: UInt64 = 30_000

    private static func refused(_ provider: Provider) -> Scenario {
        Scenario(
            "refuse.\(provider.rawValue).driver-fails",
            "\(provider.rawValue) is refused where the driver has no memory for the queue, cannot stop it, or cannot start it anew", tier: .netdevsim,
            needs: provider.needs.union([.queueReset]),
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
                try run.step("the queue restarted") { try bed.resetQueue(mode: 0) }
                // One of which something was left would be counted (`dev_get_min_mp_channel_count()`).
                try run.step("tcp-data-split off and on: no provider is in the way") {
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

    /// A binding of two queues whose second the driver fails: the first must be without a provider then, not when the netlink socket is closed.
    private static let secondQueue = Scenario(
        "refuse.devmem.driver-fails-second", "devmem is refused two queues of which the driver fails the second, and the first is left without",
        tier: .netdevsim, needs: Provider.devmem.needs.union([.queueReset]),
        expects: Expectation(provider: .devmem, minimumHolds: 512, pools: ExpectedPools(count: 5, traffic: false))
    ) { run in
        let bed = try run.makeTestBed(queues: 2)
        let bindings = try DevmemBindings(run)
        for operation in Netdevsim.QueueOperation.allCases {
            try run.step("the driver's second \(operation.rawValue) from now fails") { try bed.fail(operation, call: 2) }
            var answer = "granted"
            do {
                try bindings.bind(bed.ifindex, [0, 1])
            } catch let error as KernelError {
                answer = error.codeName
            }
            let name = KernelError("", code: operation.errno).codeName
            try run.expect(answer == name, "both refused with \(name)", "the answer was \(answer)")
            try bed.expectFailed(run, operation)
            try bed.expectProviders(run, on: [], "no queue has a provider")
            try run.pools.observe()
        }
        try run.step("then both bound over the same netlink socket") { try bindings.bind(bed.ifindex, [0, 1]) }
        try run.userBound()
        try bed.expectProviders(run, on: [0, 1], "each queue has a provider")
        try run.pools.observe()
        try run.step("unbound") { bindings.unbind() }
    }
}

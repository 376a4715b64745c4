// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results
import Testing

@testable import Scenarios

/// A dump of the pools every half second, with the content of the kernel's files at that time.
@Suite struct QuiescenceTests {
    private static let second: UInt64 = 1_000_000_000

    private func pool(_ inflight: UInt64, detached: Bool = true) -> PoolRecord {
        PoolRecord(id: 3, ifindex: 2, provider: .zcrx, inflight: inflight, detached: detached)
    }

    /// The second at which quiescence is reached, within ten; nil where it is not reached.
    private func quiescentAfter(
        idle: [Double] = [1, 1], orphans: String = "TCP: inuse 2 orphan 0 tw 4 alloc 3 mem 0\n", pools: (Double) -> [PoolRecord]
    ) -> Double? {
        var quiescence = Quiescence()
        for step in 0...20 {
            let time = Double(step) / 2
            let lines = idle.enumerated().map { "cpu\($0) 10 0 20 \(1000 + Int($1 * time * 100)) 0 0 0 0 0 0\n" }
            let now = 7 * Self.second + UInt64(time * 1e9)
            let reached = quiescence.isReached(
                pools(time), now: now, statistics: { "cpu  1 2 3 4 5\n" + lines.joined() + "intr 5 0\n" },
                sockets: { "sockets: used 9\n" + orphans + "UDP: inuse 0 mem 0\n" })
            if reached { return time }
        }
        return nil
    }

    @Test func isReachedWhenEveryCPUWasIdleLongEnough() {
        #expect(quiescentAfter { _ in [pool(5)] } == 3)
    }

    @Test func beginsAgainWithEveryReleasedBuffer() {
        #expect(quiescentAfter { [pool($0 < 2 ? 5 : 4)] } == 5)
    }

    @Test func waitsForABusyCPU() {
        #expect(quiescentAfter(idle: [1, 0.5]) { _ in [pool(5)] } == 6)
        #expect(quiescentAfter(idle: [1, 0.1]) { _ in [pool(5)] } == nil)
    }

    @Test func takesTwiceAsLongWhereThereIsAnOrphan() {
        #expect(quiescentAfter(orphans: "TCP: inuse 2 orphan 1 tw 0 alloc 3 mem 0\n") { _ in [pool(5)] } == 6)
    }

    @Test func isNotReachedWithoutTheKernelsFiles() {
        #expect(quiescentAfter(orphans: "") { _ in [pool(5)] } == nil)
        #expect(quiescentAfter(idle: []) { _ in [pool(5)] } == nil)
    }

    @Test func isNotReachedForPoolsThatAreAttachedOrEmpty() {
        #expect(quiescentAfter { _ in [pool(5), PoolRecord(id: 4, ifindex: 2, provider: .devmem, inflight: 1, detached: false)] } == nil)
        #expect(quiescentAfter { _ in [pool(5), PoolRecord(id: 4, ifindex: 2, provider: .devmem, inflight: 0, detached: true)] } == nil)
        #expect(quiescentAfter { _ in [] } == nil)
    }

    @Test func beginsAgainWhenAPoolIsFreed() {
        let other = PoolRecord(id: 9, ifindex: 2, provider: .devmem, inflight: 1, detached: true)
        #expect(quiescentAfter { $0 < 1 ? [pool(5), other] : [pool(5)] } == 4)
    }
}

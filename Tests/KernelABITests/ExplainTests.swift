// SPDX-License-Identifier: GPL-2.0

import CShim
import Glibc
import Testing

@testable import KernelABI

/// The reason that is found for a refused registration.
struct ExplainTests {
    private static let area = ZeroCopyReceive.Registration.Area(address: 0x10000, length: 0x10000)

    private func reason(
        _ code: CInt, _ state: ZeroCopyReceive.DeviceState,
        _ change: (inout ZeroCopyReceive.Registration) -> Void = { _ in }
    ) -> String {
        var registration = ZeroCopyReceive.Registration(ifindex: 3, queue: 1, area: Self.area)
        change(&registration)
        return ZeroCopyReceive.reason(code, registration, state)
    }

    private func queue(_ change: (inout ppiov_queue) -> Void) -> DeviceQueue? {
        var raw = ppiov_queue()
        raw.id = 1
        raw.ifindex = 3
        change(&raw)
        return DeviceQueue(raw)
    }

    @Test func stateOfTheDevice() {
        typealias State = ZeroCopyReceive.DeviceState
        #expect(reason(ENODEV, State(exists: false)) == "there is no ifindex 3")
        #expect(reason(ERANGE, State(receiveQueues: 1)) == "there is no queue 1: the device has 1 receive queues")
        #expect(reason(EINVAL, State(tcpDataSplit: .disabled, hdsThreshold: 5)) == "tcp-data-split is not enabled")
        #expect(reason(EINVAL, State(tcpDataSplit: .enabled, hdsThreshold: 5)) == "hds-thresh is 5, not zero")
        #expect(reason(EINVAL, State(tcpDataSplit: .enabled, hdsThreshold: 0)).contains("may be the driver's default"))
        #expect(reason(EOPNOTSUPP, State()).contains("no queue management"))
        #expect(reason(EOPNOTSUPP, State()) { $0.bufferLength = 65536 }.contains("no other buffer length"))
        let bound = queue {
            $0.has_dmabuf = true
            $0.dmabuf = 9
        }
        #expect(reason(EEXIST, State(queue: bound)) == "queue 1 is bound to dma-buf 9 of devmem")
        #expect(reason(EEXIST, State(queue: queue { $0.has_io_uring = true })) == "queue 1 is bound to an io_uring")
        #expect(reason(EEXIST, State()).contains("XDP program"))
        #expect(reason(EBUSY, State(queue: queue { $0.has_xsk = true })) == "the queue is in use by AF_XDP")
        #expect(reason(EBUSY, State(queue: queue { $0.has_lease = true })).contains("leased"))
    }

    @Test func stateOfTheRequest() {
        let state = ZeroCopyReceive.DeviceState(tcpDataSplit: .disabled)
        #expect(reason(EPERM, state).contains("CAP_NET_ADMIN"))
        #expect(reason(EINVAL, state) { $0.refillEntries = 0 }.contains("no entries"))
        #expect(reason(EINVAL, state) { $0.area.token = 1 }.contains("token"))
        #expect(reason(EINVAL, state) { $0.area.address += 1 }.contains("page size"))
        #expect(reason(EINVAL, state) { $0.bufferLength = 5000 }.contains("power of two"))
        #expect(reason(EINVAL, state) { $0.refillRegionSize = 4096 }.contains("smaller than its ring"))
        #expect(reason(EINVAL, state) { $0.flags = .noDevice }.contains("exclude each other"))
        #expect(reason(ECANCELED, state) == "no known condition of a refusal with this errno holds now")
    }

    @Test func sizes() {
        var registration = ZeroCopyReceive.Registration.noDevice(area: Self.area, refillEntries: 100)
        #expect(registration.roundedEntries == 128 && registration.mappedSize == 8192)
        registration.refillEntries = .max
        #expect(registration.roundedEntries == 32768 && registration.regionSize == 4096 + 32768 * 16)
        registration.events = .init(userData: 7, events: [.copied], statistics: true)
        #expect(registration.statisticsOffset >= 256 + 32768 * 16 && registration.events?.mask == 2)
    }
}

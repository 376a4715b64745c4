// SPDX-License-Identifier: GPL-2.0

import CShim
import Glibc
import Testing

@testable import KernelABI

/// Raw values of Swift enumerations, which must be literals, against the shim's constants.
struct ConstantTests {
    @Test func enumerations() {
        #expect(DeviceQueue.Kind.receive.rawValue == PPIOV_NETDEV_QUEUE_RX.rawValue)
        #expect(DeviceQueue.Kind.transmit.rawValue == PPIOV_NETDEV_QUEUE_TX.rawValue)
        #expect(UInt32(PagePoolNotification.Change.added.rawValue) == PPIOV_NETDEV_CMD_PAGE_POOL_ADD_NTF.rawValue)
        #expect(UInt32(PagePoolNotification.Change.removed.rawValue) == PPIOV_NETDEV_CMD_PAGE_POOL_DEL_NTF.rawValue)
        #expect(UInt32(PagePoolNotification.Change.changed.rawValue) == PPIOV_NETDEV_CMD_PAGE_POOL_CHANGE_NTF.rawValue)
        #expect(Int(ZeroCopyReceive.Event.allocationFailed.rawValue) == PPIOV_ZCRX_EVENT_ALLOC_FAIL)
        #expect(Int(ZeroCopyReceive.Event.copied.rawValue) == PPIOV_ZCRX_EVENT_COPY)
        #expect(TCP.Half.reading.rawValue == CInt(SHUT_RD) && TCP.Half.writing.rawValue == CInt(SHUT_WR))
        #expect(TCP.Half.both.rawValue == CInt(SHUT_RDWR))
    }

    @Test func systemHeaders() {
        #expect(PPIOV_MAP_HUGETLB_2MB == 0x40000 | 21 << 26)
        #expect(PPIOV_CAP_IPC_LOCK == 14 && PPIOV_IFF_UP == 1 && PPIOV_CPU_SET_SIZE == 128)
        #expect(PPIOV_XDP_FLAGS_SKB_MODE == 2 && PPIOV_XDP_FLAGS_DRV_MODE == 4)
    }
}

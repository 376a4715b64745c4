// SPDX-License-Identifier: GPL-2.0

import CShim
import Glibc
import TestSupport
import Testing

/// Requests, byte by byte. The expected bytes were written by hand from the kernel's headers.
struct MessageTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let expected: String
        let build: @Sendable (UnsafeMutableRawPointer, Int) -> CInt
        init(_ name: String, _ expected: String, _ build: @escaping @Sendable (UnsafeMutableRawPointer, Int) -> CInt) {
            self.name = name
            self.expected = expected
            self.build = build
        }
        var testDescription: String { name }
    }

    static let address4: [UInt8] = [192, 0, 2, 1]
    static let address6 = hexBytes("20010db8 00000000 00000000 00000001")

    static let cases: [Case] = [
        Case(
            "family", "20000000 1000 0500 07000000 00000000 | 03 01 0000 | 0b00 0200 6e6574646576 00 00",
            { ppiov_msg_family_get($0, $1, 7, "netdev") }),
        Case(
            "dev-get", "1c000000 1c00 0500 01000000 00000000 | 01 01 0000 | 0800 0100 01000000",
            { ppiov_msg_dev_get($0, $1, 0x1c, 1, 1) }),
        Case(
            "dev dump", "14000000 1c00 0103 01000000 00000000 | 01 01 0000", { ppiov_msg_dev_dump($0, $1, 0x1c, 1) }),
        Case(
            "queue-get",
            """
            2c000000 1c00 0500 02000000 00000000 | 0a 01 0000
            | 0800 0200 03000000 | 0800 0300 00000000 | 0800 0100 02000000
            """, { ppiov_msg_queue_get($0, $1, 0x1c, 2, 3, 0, 2) }),
        Case(
            "queue dump of one", "1c000000 1c00 0103 02000000 00000000 | 0a 01 0000 | 0800 0200 03000000",
            { ppiov_msg_queue_dump($0, $1, 0x1c, 2, 3) }),
        Case(
            "queue dump of all", "14000000 1c00 0103 02000000 00000000 | 0a 01 0000",
            { ppiov_msg_queue_dump($0, $1, 0x1c, 2, 0) }),
        Case(
            "napi-get", "1c000000 1c00 0500 02000000 00000000 | 0b 01 0000 | 0800 0200 01200000",
            { ppiov_msg_napi_get($0, $1, 0x1c, 2, 8193) }),
        Case(
            "napi dump of one", "1c000000 1c00 0103 02000000 00000000 | 0b 01 0000 | 0800 0100 03000000",
            { ppiov_msg_napi_dump($0, $1, 0x1c, 2, 3) }),
        Case(
            "page-pool-get", "1c000000 1c00 0500 02000000 00000000 | 05 01 0000 | 0800 0100 05000000",
            { ppiov_msg_page_pool_get($0, $1, 0x1c, 2, 5) }),
        Case(
            "page-pool-get of a wide id",
            "20000000 1c00 0500 02000000 00000000 | 05 01 0000 | 0c00 0100 01000000 01000000",
            { ppiov_msg_page_pool_get($0, $1, 0x1c, 2, 0x1_0000_0001) }),
        Case(
            "page-pool dump", "14000000 1c00 0103 02000000 00000000 | 05 01 0000",
            { ppiov_msg_page_pool_dump($0, $1, 0x1c, 2) }),
        Case(
            "page-pool-stats-get", "20000000 1c00 0500 02000000 00000000 | 09 01 0000 | 0c00 0180 | 0800 0100 05000000",
            { ppiov_msg_page_pool_stats_get($0, $1, 0x1c, 2, 5) }),
        Case(
            "page-pool-stats dump", "14000000 1c00 0103 02000000 00000000 | 09 01 0000",
            { ppiov_msg_page_pool_stats_dump($0, $1, 0x1c, 2) }),
        Case(
            "bind-rx",
            """
            4c000000 1c00 0500 02000000 00000000 | 0d 01 0000 | 0800 0100 03000000 | 0800 0300 07000000
            | 1400 0280 | 0800 0100 00000000 | 0800 0300 00000000
            | 1400 0280 | 0800 0100 01000000 | 0800 0300 00000000
            """, { ppiov_msg_bind_rx($0, $1, 0x1c, 2, 3, 7, [0, 1], 2, 0) }),
        Case(
            "bind-rx with a page size",
            """
            40000000 1c00 0500 02000000 00000000 | 0d 01 0000 | 0800 0100 03000000 | 0800 0300 07000000
            | 1400 0280 | 0800 0100 00000000 | 0800 0300 00000000 | 0800 0500 00000100
            """, { ppiov_msg_bind_rx($0, $1, 0x1c, 2, 3, 7, [0], 1, 65536) }),
        Case(
            "bind-tx",
            "24000000 1c00 0500 02000000 00000000 | 0f 01 0000 | 0800 0100 03000000 | 0800 0300 07000000",
            { ppiov_msg_bind_tx($0, $1, 0x1c, 2, 3, 7) }),
        Case(
            "rings-get", "20000000 1500 0500 02000000 00000000 | 0f 01 0000 | 0c00 0180 | 0800 0100 03000000",
            { ppiov_msg_rings_get($0, $1, 0x15, 2, 3) }),
        Case(
            "rings-set",
            """
            30000000 1500 0500 02000000 00000000 | 10 01 0000 | 0c00 0180 | 0800 0100 03000000
            | 0500 0b00 02 000000 | 0800 1100 00000000
            """,
            {
                var settings = ppiov_rings()
                settings.has = PPIOV_RINGS_TCP_DATA_SPLIT.rawValue | PPIOV_RINGS_HDS_THRESH.rawValue
                settings.tcp_data_split = 2
                return ppiov_msg_rings_set($0, $1, 0x15, 2, 3, &settings)
            }),
        Case(
            "channels-get", "20000000 1500 0500 02000000 00000000 | 11 01 0000 | 0c00 0180 | 0800 0100 03000000",
            { ppiov_msg_channels_get($0, $1, 0x15, 2, 3) }),
        Case(
            "channels-set",
            """
            28000000 1500 0500 02000000 00000000 | 12 01 0000 | 0c00 0180 | 0800 0100 03000000 | 0800 0900 01000000
            """,
            {
                var settings = ppiov_channels()
                settings.has = PPIOV_CHANNELS_COMBINED.rawValue
                settings.combined = 1
                return ppiov_msg_channels_set($0, $1, 0x15, 2, 3, &settings)
            }),
        Case(
            "link by name",
            """
            2c000000 1200 0500 02000000 00000000 | 00000000 00000000 00000000 00000000
            | 0c00 0300 656e69316e7031 00
            """, { ppiov_msg_link_get($0, $1, 2, "eni1np1") }),
        Case(
            "link dump", "20000000 1200 0103 02000000 00000000 | 00000000 00000000 00000000 00000000",
            { ppiov_msg_link_dump($0, $1, 2) }),
        Case(
            "link up", "20000000 1000 0500 02000000 00000000 | 00000000 03000000 01000000 01000000",
            { ppiov_msg_link_up($0, $1, 2, 3, true) }),
        Case(
            "link down", "20000000 1000 0500 02000000 00000000 | 00000000 03000000 00000000 01000000",
            { ppiov_msg_link_up($0, $1, 2, 3, false) }),
        Case(
            "link to a namespace",
            "28000000 1000 0500 02000000 00000000 | 00000000 03000000 00000000 00000000 | 0800 1c00 09000000",
            { ppiov_msg_link_netns($0, $1, 2, 3, 9) }),
        Case(
            "link MTU",
            "28000000 1000 0500 02000000 00000000 | 00000000 03000000 00000000 00000000 | 0800 0400 28230000",
            { ppiov_msg_link_mtu($0, $1, 2, 3, 9000) }),
        Case(
            "link delete", "20000000 1100 0500 02000000 00000000 | 00000000 03000000 00000000 00000000",
            { ppiov_msg_link_delete($0, $1, 2, 3) }),
        Case(
            "IPv4 address",
            "28000000 1400 0506 02000000 00000000 | 02180000 03000000 | 0800 0200 c0000201 | 0800 0100 c0000201",
            { ppiov_msg_address_add($0, $1, 2, 3, address4, 4, 24) }),
        Case(
            "IPv6 address",
            """
            48000000 1400 0506 02000000 00000000 | 0a400000 03000000
            | 1400 0200 20010db8 00000000 00000000 00000001 | 1400 0100 20010db8 00000000 00000000 00000001
            | 0800 0800 02000000
            """, { ppiov_msg_address_add($0, $1, 2, 3, address6, 16, 64) }),
        Case(
            "clsact",
            """
            30000000 2400 0506 02000000 00000000 | 00000000 03000000 0000ffff f1ffffff 00000000
            | 0b00 0100 636c73616374 00 00
            """, { ppiov_msg_clsact_add($0, $1, 2, 3) }),
        Case(
            "clsact delete", "24000000 2500 0500 02000000 00000000 | 00000000 03000000 0000ffff f1ffffff 00000000",
            { ppiov_msg_clsact_delete($0, $1, 2, 3) }),
        Case(
            "tc action by number",
            """
            30000000 3200 0500 02000000 00000000 | 00000000
            | 1c00 0180 | 1800 0180 | 0900 0100 6373756d 00 000000 | 0800 0300 ffffff7f
            """, { ppiov_msg_action_get($0, $1, 2, "csum") }),
        Case(
            "filter at ingress",
            """
            6c000000 2c00 0506 02000000 00000000 | 00000000 03000000 00000000 f2ffffff 08000100
            | 0d00 0100 6d61746368616c6c 00 000000 | 3800 0280 | 3400 0280 | 3000 0180 | 0900 0100 6373756d 00 000000
            | 2000 0280 | 1c00 0100 00000000 00000000 00000000 00000000 00000000 01000000
            """,
            {
                var action = ppiov_tc_action()
                action.kind = PPIOV_TC_CSUM_IPV4
                return ppiov_msg_ingress_add($0, $1, 2, 3, &action, 1)
            }),
        Case(
            "queue bind",
            """
            38000000 0203 0500 02000000 00000000 | 00 00 0007 | 0800 0100 01 00 0000 | 0900 0200 0000ffff 02 000000
            | 0800 0500 00000004 | 0800 0400 00000004
            """, { ppiov_msg_queue_bind($0, $1, 2, 7, true) }),
        Case(
            "queue accept", "20000000 0103 0100 02000000 00000000 | 00 00 0007 | 0c00 0200 00000001 00000009",
            { ppiov_msg_queue_accept($0, $1, 2, 7, 9) }),
        Case(
            "log bind",
            """
            30000000 0104 0500 02000000 00000000 | 00 00 0007 | 0500 0100 01 000000 | 0a00 0200 0000ffff 02 00 0000
            | 0800 0500 00000001
            """, { ppiov_msg_log_bind($0, $1, 2, 7) }),
    ]

    @Test(arguments: cases)
    func bytes(_ one: Case) {
        #expect(built(one.build).bytes == hexBytes(one.expected))
    }

    /// In every smaller buffer the builder fails and writes nothing after it (which `built` checks).
    @Test(arguments: cases)
    func tooSmall(_ one: Case) {
        for size in 0..<hexBytes(one.expected).count {
            #expect(built(size: size, one.build).result == -EMSGSIZE)
        }
        #expect(built(size: hexBytes(one.expected).count, one.build).result > 0)
    }

    @Test func refusals() {
        let misaligned = built { ppiov_msg_dev_dump($0 + 1, $1 - 1, 0x1c, 1) }
        #expect(misaligned.result == -EINVAL)
        #expect(built { ppiov_msg_link_get($0, $1, 1, "sixteen-bytes-xx") }.result == -EINVAL)
        #expect(built { ppiov_msg_address_add($0, $1, 1, 3, Self.address4, 3, 24) }.result == -EINVAL)
        #expect(built { ppiov_msg_ingress_add($0, $1, 1, 3, nil, 0) }.result == -EINVAL)
    }
}

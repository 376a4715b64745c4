// SPDX-License-Identifier: GPL-2.0

import CShim
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import KernelABI

/// Replies as `Documentation/netlink/specs/netdev.yaml` and the kernel's fill functions define them.
enum Recorded {
    static let device = generic(
        1, attribute(1, UInt32(3)), attribute(3, UInt64(0x7f)), attribute(5, UInt64(0)), attribute(6, UInt64(3)),
        attribute(4, UInt32(8)))
    static let plainQueue = generic(
        10, attribute(1, UInt32(1)), attribute(3, UInt32(0)), attribute(2, UInt32(3)), attribute(4, UInt32(8194)))
    static let ioUringQueue = generic(
        10, attribute(1, UInt32(0)), attribute(3, UInt32(0)), attribute(2, UInt32(3)), nest(6, attribute(1, UInt32(4096))))
    static let devmemQueue = generic(
        10, attribute(1, UInt32(0)), attribute(3, UInt32(0)), attribute(2, UInt32(3)), attribute(5, UInt32(9)))
    static let leasedQueue = generic(
        10, attribute(1, UInt32(0)), attribute(3, UInt32(1)), attribute(2, UInt32(3)), nest(7),
        nest(8, nest(2, attribute(1, UInt32(0)), attribute(3, UInt32(0))), attribute(1, UInt32(4))))
    static let napi = generic(
        11, attribute(2, UInt32(8194)), attribute(1, UInt32(3)), attribute(3, UInt32(27)), attribute(8, UInt32(0)),
        attribute(4, UInt32(812)), attribute(5, UInt32(2)), attribute(7, UInt32(0)), attribute(6, UInt64(0x1_0000_0000)))
    static let pool = generic(
        5, attribute(1, UInt32(12)), attribute(2, UInt32(3)), attribute(3, UInt32(8194)), attribute(4, UInt32(256)),
        attribute(5, UInt32(1 << 20)), nest(8))
    static let detachedPool = generic(
        8, attribute(1, UInt64(0x1_0000_000c)), attribute(4, UInt64(1)), attribute(5, UInt64(4096)),
        attribute(6, UInt64(77)), attribute(7, UInt32(9)), attribute(200, UInt32(1)))
    static let statistics = generic(
        9, [nest(1, attribute(1, UInt32(12)), attribute(2, UInt32(3)))].flatMap { $0 },
        (0..<11).flatMap { attribute(UInt16(8 + $0), UInt32(100 + $0)) })
    static let bound = generic(13, attribute(4, UInt32(9)))
    static let family = generic(
        1, attribute(2, [UInt8]("netdev".utf8) + [0]), attribute(1, UInt16(0x1c)),
        nest(
            7, nest(1, attribute(2, UInt32(11)), attribute(1, [UInt8]("mgmt".utf8) + [0])),
            nest(2, attribute(2, UInt32(12)), attribute(1, [UInt8]("page-pool".utf8) + [0]))))
    static let rings = generic(
        15, nest(1, attribute(1, UInt32(3)), attribute(2, [UInt8]("eni1np1".utf8) + [0])), attribute(2, UInt32(4096)),
        attribute(5, UInt32(4096)), attribute(6, UInt32(512)), attribute(9, UInt32(512)), attribute(11, UInt8(2)),
        attribute(17, UInt32(0)), attribute(18, UInt32(1024)))
    static let channels = generic(
        17, nest(1, attribute(1, UInt32(3))), attribute(5, UInt32(8)), attribute(9, UInt32(2)))
    static let link = message(
        16, [UInt8](repeating: 0, count: 4) + littleEndian(UInt32(3)) + littleEndian(UInt32(0x1043)) + littleEndian(UInt32(0)),
        attribute(3, [UInt8]("eni1np1".utf8) + [0]), attribute(4, UInt32(1500)))
    /// NFQNL_MSG_PACKET of queue 7: packet 9, of whose 0x5dc bytes the reader gets two.
    static let queued = message(
        0x300, [0, 0, 0, 7], attribute(1, [0, 0, 0, 9, 8, 0, 1]), attribute(5, [0, 0, 0, 3]), attribute(13, [0, 0, 5, 0xdc]),
        attribute(10, [0x45, 0]))
    /// NFULNL_MSG_PACKET of group 7.
    static let logged = message(0x400, [2, 0, 0, 7], attribute(1, [8, 0, 1, 0]), attribute(9, [0x45, 0, 5]))
    /// NLMSG_ERROR of bind-rx, capped, with NLMSGERR_ATTR_MSG, _OFFS and _MISS_TYPE.
    static let refusal = message(
        2, flags: 0x300, littleEndian(Int32(-EEXIST)) + message(0x1c, seq: 1),
        attribute(1, [UInt8]("designated queue already memory provider bound".utf8) + [0]), attribute(2, UInt32(28)),
        attribute(5, UInt32(4)))
    static let acknowledgement = message(2, flags: 0x100, littleEndian(Int32(0)) + message(0x1c, seq: 1))
    static let done = message(3, flags: 2, littleEndian(Int32(0)))
}

struct ReplyTests {
    @Test func handed() {
        let (result, raw) = parsed(Recorded.queued, ppiov_handed()) { ppiov_parse_handed($0, $1, $2) }
        #expect(result == 0 && raw.present && raw.id == 9 && raw.count == 2 && raw.length == 0x5dc)
        let (other, logged) = parsed(Recorded.logged, ppiov_handed()) { ppiov_parse_handed($0, $1, $2) }
        #expect(other == 0 && logged.present && logged.count == 3 && logged.length == 3)
        // Another message of a reader's socket is not a packet.
        #expect(!parsed(Recorded.acknowledgement, ppiov_handed()) { ppiov_parse_handed($0, $1, $2) }.value.present)
    }

    @Test func device() {
        let (result, raw) = parsed(Recorded.device, ppiov_netdev(), ppiov_parse_dev)
        #expect(result == 0 && raw.ifindex == 3 && raw.xdp_features == 0x7f && raw.xsk_features == 3)
        #expect(raw.xdp_zc_max_segs == 8)
    }

    @Test func queues() {
        let plain = parsed(Recorded.plainQueue, ppiov_queue(), ppiov_parse_queue)
        #expect(plain.result == 0)
        let queue = DeviceQueue(plain.value)
        #expect(queue?.id == 1 && queue?.ifindex == 3 && queue?.kind == .receive && queue?.napiID == 8194)
        #expect(queue?.provider == nil)
        let ioUring = parsed(Recorded.ioUringQueue, ppiov_queue(), ppiov_parse_queue)
        #expect(DeviceQueue(ioUring.value)?.provider == .ioUring(bufferLength: 4096))
        let devmem = parsed(Recorded.devmemQueue, ppiov_queue(), ppiov_parse_queue)
        #expect(DeviceQueue(devmem.value)?.provider == .deviceMemory(dmabufID: 9))
        let leased = DeviceQueue(parsed(Recorded.leasedQueue, ppiov_queue(), ppiov_parse_queue).value)
        #expect(leased?.isLeased == true && leased?.hasXDPSocket == true && leased?.kind == .transmit)
    }

    @Test func napi() {
        let (result, raw) = parsed(Recorded.napi, ppiov_napi(), ppiov_parse_napi)
        let napi = NAPI(raw)
        #expect(result == 0 && napi.id == 8194 && napi.ifindex == 3 && napi.irq == 27 && napi.threadID == 812)
        #expect(napi.deferHardIRQs == 2 && napi.groFlushTimeout == 0x1_0000_0000 && napi.irqSuspendTimeout == 0)
    }

    @Test func pools() {
        let live = parsed(Recorded.pool, ppiov_page_pool(), ppiov_parse_page_pool)
        let pool = PagePool(live.value)
        #expect(live.result == 0 && pool.id == 12 && pool.ifindex == 3 && pool.napiID == 8194)
        #expect(pool.inflight == 256 && pool.inflightBytes == 1 << 20 && pool.detachTime == nil)
        #expect(pool.ioUring && pool.rxBufLen == nil && pool.dmabufID == nil)
        let reply = parsed(Recorded.detachedPool, ppiov_page_pool(), ppiov_parse_page_pool)
        let detached = PagePool(reply.value)
        #expect(reply.result == 0 && detached.id == 0x1_0000_000c && detached.ifindex == nil && detached.inflight == 1)
        #expect(detached.detachTime == 77 && detached.dmabufID == 9 && !detached.ioUring)
        #expect(Recorded.detachedPool.withUnsafeBytes { ppiov_parse_command($0.baseAddress, $0.count) } == 8)
    }

    @Test func statistics() {
        let (result, raw) = parsed(Recorded.statistics, ppiov_page_pool_stats(), ppiov_parse_page_pool_stats)
        let statistics = PagePoolStatistics(raw)
        #expect(result == 0 && statistics.id == 12 && statistics.ifindex == 3)
        #expect(statistics.allocFast == 100 && statistics.allocWaive == 105)
        #expect(statistics.recycleCached == 106 && statistics.recycleReleasedRefcnt == 110)
    }

    @Test func bindingAndFamily() {
        let bound = parsed(Recorded.bound, UInt32(), ppiov_parse_dmabuf_id)
        #expect(bound.result == 0 && bound.value == 9)
        let family = parsed(Recorded.family, ppiov_family(), ppiov_parse_family)
        #expect(family.result == 0 && family.value.id == 0x1c && family.value.group_count == 2)
        #expect(String(characters: family.value.groups.1.name) == "page-pool" && family.value.groups.1.id == 12)
    }

    @Test func ringsAndChannels() {
        let rings = parsed(Recorded.rings, ppiov_rings(), ppiov_parse_rings)
        let seen = DeviceRings(rings.value)
        #expect(rings.result == 0 && seen.rx == 512 && seen.rxMax == 4096 && seen.tcpDataSplit == .enabled)
        #expect(seen.hdsThreshold == 0 && seen.hdsThresholdMax == 1024 && seen.rxBufferLength == nil)
        let channels = parsed(Recorded.channels, ppiov_channels(), ppiov_parse_channels)
        let counts = DeviceChannels(channels.value)
        #expect(channels.result == 0 && counts.combined == 2 && counts.combinedMax == 8 && counts.rx == nil)
    }

    @Test func link() {
        let (result, raw) = parsed(Recorded.link, ppiov_link(), ppiov_parse_link)
        let link = Link(raw)
        #expect(result == 0 && link.ifindex == 3 && link.name == "eni1np1" && link.mtu == 1500 && link.isUp)
    }

    @Test func acknowledgements() {
        let refusal = parsed(Recorded.refusal, ppiov_ack(), ppiov_parse_ack)
        #expect(refusal.result == 0 && refusal.value.error == -EEXIST)
        #expect(String(characters: refusal.value.text) == "designated queue already memory provider bound")
        #expect(refusal.value.has_offset && refusal.value.offset == 28)
        #expect(refusal.value.has_missing_type && refusal.value.missing_type == 4)
        // Not capped: the request follows the errno, and the attributes follow the request.
        let whole = message(
            2, flags: 0x200, littleEndian(Int32(-EINVAL)) + generic(13, attribute(3, UInt32(7))),
            attribute(1, [UInt8]("no".utf8) + [0]))
        let long = parsed(whole, ppiov_ack(), ppiov_parse_ack)
        #expect(long.result == 0 && long.value.error == -EINVAL && String(characters: long.value.text) == "no")
        #expect(parsed(Recorded.acknowledgement, ppiov_ack(), ppiov_parse_ack).value.error == 0)
        let failed = message(3, flags: 2 | 0x200, littleEndian(Int32(-ENODEV)), attribute(1, [UInt8]("gone".utf8) + [0]))
        let done = parsed(failed, ppiov_ack(), ppiov_parse_ack)
        #expect(done.result == 0 && done.value.error == -ENODEV && String(characters: done.value.text) == "gone")
    }

    @Test func aTextTooLongIsTruncated() {
        let reply = message(
            2, flags: 0x300, littleEndian(Int32(-EINVAL)) + message(0x1c), attribute(1, [UInt8](repeating: 0x61, count: 1000)))
        let ack = parsed(reply, ppiov_ack(), ppiov_parse_ack)
        #expect(ack.result == 0 && String(characters: ack.value.text).utf8.count == Int(PPIOV_TEXT_MAX) - 1)
    }

    @Test func theErrorsDescription() {
        let error = KernelError(
            "bind-rx of queue 0 on ifindex 3", code: EEXIST,
            message: "designated queue already memory provider bound")
        #expect(
            "\(error)"
                == "bind-rx of queue 0 on ifindex 3: EEXIST (File exists), kernel: designated queue already memory provider bound"
        )
        #expect(KernelError("x", code: 524).codeName == "ENOTSUPP")
        #expect(KernelError("x", code: 4000).codeName == "errno 4000")
        let more = KernelError("x", errno: .invalidArgument, badAttributeOffset: 28, missingAttribute: 4)
        #expect("\(more.adding(message: "y"))".hasSuffix("kernel: y, at byte 28 of the request, missing attribute 4"))
    }
}

// SPDX-License-Identifier: GPL-2.0

import CShim
import Glibc
import LifeCycle
import TestSupport
import Testing

@testable import KernelABI

/// Messages that are truncated, changed in one byte, and random. A parser may accept or reject them and must not read outside of them: the bytes are
/// at an odd address at the end of their allocation, so that a sanitizer reports a read after it.
struct MalformedMessageTests {
    struct Parser: Sendable, CustomTestStringConvertible {
        let name: String
        let recorded: [UInt8]
        let run: @Sendable ([UInt8]) -> CInt
        var testDescription: String { name }
    }

    static func parser<Raw>(
        _ name: String, _ recorded: [UInt8], _ empty: @escaping @Sendable () -> Raw,
        _ parse: @escaping @Sendable (UnsafeRawPointer?, Int, UnsafeMutablePointer<Raw>?) -> CInt
    ) -> Parser {
        Parser(name: name, recorded: recorded) { parsed($0, empty(), parse).result }
    }

    static let parsers: [Parser] = [
        parser("device", Recorded.device, { ppiov_netdev() }, { ppiov_parse_dev($0, $1, $2) }),
        parser("plain queue", Recorded.plainQueue, { ppiov_queue() }, { ppiov_parse_queue($0, $1, $2) }),
        parser("io_uring queue", Recorded.ioUringQueue, { ppiov_queue() }, { ppiov_parse_queue($0, $1, $2) }),
        parser("leased queue", Recorded.leasedQueue, { ppiov_queue() }, { ppiov_parse_queue($0, $1, $2) }),
        parser("napi", Recorded.napi, { ppiov_napi() }, { ppiov_parse_napi($0, $1, $2) }),
        parser("pool", Recorded.pool, { ppiov_page_pool() }, { ppiov_parse_page_pool($0, $1, $2) }),
        parser("detached pool", Recorded.detachedPool, { ppiov_page_pool() }, { ppiov_parse_page_pool($0, $1, $2) }),
        parser("statistics", Recorded.statistics, { ppiov_page_pool_stats() }, { ppiov_parse_page_pool_stats($0, $1, $2) }),
        parser("binding", Recorded.bound, { UInt32() }, { ppiov_parse_dmabuf_id($0, $1, $2) }),
        parser("family", Recorded.family, { ppiov_family() }, { ppiov_parse_family($0, $1, $2) }),
        parser("rings", Recorded.rings, { ppiov_rings() }, { ppiov_parse_rings($0, $1, $2) }),
        parser("channels", Recorded.channels, { ppiov_channels() }, { ppiov_parse_channels($0, $1, $2) }),
        parser("link", Recorded.link, { ppiov_link() }, { ppiov_parse_link($0, $1, $2) }),
        parser("queued packet", Recorded.queued, { ppiov_handed() }, { ppiov_parse_handed($0, $1, $2) }),
        parser("logged packet", Recorded.logged, { ppiov_handed() }, { ppiov_parse_handed($0, $1, $2) }),
        parser("refusal", Recorded.refusal, { ppiov_ack() }, { ppiov_parse_ack($0, $1, $2) }),
        parser("acknowledgement", Recorded.acknowledgement, { ppiov_ack() }, { ppiov_parse_ack($0, $1, $2) }),
        parser("done", Recorded.done, { ppiov_ack() }, { ppiov_parse_ack($0, $1, $2) }),
    ]

    private func isZeroOrBadMessage(_ result: CInt) -> Bool { result == 0 || result == -EBADMSG }

    @Test(arguments: parsers)
    func truncated(_ parser: Parser) {
        #expect(parser.run(parser.recorded) == 0)
        for length in 0..<parser.recorded.count {
            let truncated = [UInt8](parser.recorded.prefix(length))
            #expect(parser.run(truncated) == -EBADMSG, "truncated to \(length) bytes")
            guard length >= 4 else { continue }
            // The same with the length in the header: attributes end early, some of them exactly.
            #expect(isZeroOrBadMessage(parser.run(littleEndian(UInt32(length)) + truncated[4...])))
        }
    }

    @Test(arguments: parsers)
    func oneByteChanged(_ parser: Parser) {
        for place in parser.recorded.indices {
            for value: UInt8 in [0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xfe, 0xff, parser.recorded[place] ^ 0x55] {
                var bytes = parser.recorded
                bytes[place] = value
                #expect(isZeroOrBadMessage(parser.run(bytes)), "byte \(place) set to \(value)")
            }
        }
    }

    @Test(arguments: parsers)
    func random(_ parser: Parser) {
        var random = SeededGenerator(seed: 0x5eed)
        for _ in 0..<3000 {
            let count = Int.random(in: 0...200, using: &random)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(isZeroOrBadMessage(parser.run(bytes)))
            // A valid header, so that the attributes are read; their lengths are small, so that some of them fit.
            bytes.replaceSubrange(0..<min(16, count), with: parser.recorded[0..<min(16, count)])
            if count >= 4 { bytes.replaceSubrange(0..<4, with: littleEndian(UInt32(count))) }
            for place in stride(from: 21, to: count, by: 4) { bytes[place] = 0 }
            #expect(isZeroOrBadMessage(parser.run(bytes)))
        }
    }

    /// Attributes of a wrong size for their type.
    @Test(arguments: [0, 1, 2, 3, 5, 6, 7, 9, 12])
    func wrongSizes(_ size: Int) {
        let payload = [UInt8](repeating: 1, count: size)
        let pool = generic(5, attribute(1, payload), attribute(4, UInt32(1)))
        #expect(parsed(pool, ppiov_page_pool(), ppiov_parse_page_pool).result == -EBADMSG)
        let queue = generic(10, attribute(1, payload), attribute(3, UInt32(0)), attribute(2, UInt32(3)))
        #expect(parsed(queue, ppiov_queue(), ppiov_parse_queue).result == -EBADMSG)
        let bound = generic(13, attribute(4, payload))
        #expect(parsed(bound, UInt32(), ppiov_parse_dmabuf_id).result == -EBADMSG)
    }

    /// Both widths of a `uint`, and a nest that is malformed.
    @Test func widthsAndNests() {
        let narrow = parsed(generic(5, attribute(1, UInt32(7))), ppiov_page_pool(), ppiov_parse_page_pool)
        let wide = parsed(generic(5, attribute(1, UInt64(7))), ppiov_page_pool(), ppiov_parse_page_pool)
        #expect(narrow.result == 0 && wide.result == 0 && narrow.value.id == wide.value.id)
        let noNest = parsed(
            generic(5, attribute(1, UInt32(7)), attribute(8, [1, 2, 3])), ppiov_page_pool(), ppiov_parse_page_pool)
        #expect(noNest.result == -EBADMSG)
        let flat = parsed(
            generic(5, attribute(1, UInt32(7)), attribute(8, UInt64(0xffff_ffff))), ppiov_page_pool(),
            ppiov_parse_page_pool)
        #expect(flat.result == -EBADMSG)
    }

    /// More groups than `PPIOV_GROUPS_MAX`.
    @Test func manyGroups() {
        let groups = (0..<40).flatMap { nest(UInt16($0 + 1), attribute(2, UInt32($0 + 1)), attribute(1, [0x61, 0])) }
        let family = parsed(
            generic(1, attribute(1, UInt16(0x1c)), nest(7, groups)), ppiov_family(), ppiov_parse_family)
        #expect(family.result == 0 && family.value.group_count == UInt32(PPIOV_GROUPS_MAX))
    }
}

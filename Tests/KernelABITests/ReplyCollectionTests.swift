// SPDX-License-Identifier: GPL-2.0

import CShim
import Glibc
import LifeCycle
import TestSupport
import Testing

@testable import KernelABI

/// The collection of datagrams to one reply.
struct ReplyCollectionTests {
    private struct Outcome {
        var result: CInt
        var done: Bool
        var interrupted: Bool
        var error: Int32
        var types: [UInt16]
    }

    private func feed(seq: UInt32 = 1, _ datagrams: [UInt8]...) -> Outcome {
        var reply = ppiov_reply()
        ppiov_reply_start(&reply, seq)
        defer { ppiov_reply_free(&reply) }
        var result: CInt = 0
        for datagram in datagrams where result == 0 {
            result = ppiov_reply_feed(&reply, datagram, datagram.count)
        }
        var types: [UInt16] = []
        try? NetlinkSocket.messages("test", UnsafeRawBufferPointer(start: reply.bytes, count: reply.length)) {
            types.append($0.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
        }
        return Outcome(
            result: result, done: reply.done, interrupted: reply.interrupted, error: reply.ack.error, types: types)
    }

    @Test func replyAndAcknowledgement() {
        let outcome = feed(message(0x1c, [1, 2, 3]), Recorded.acknowledgement)
        #expect(outcome.result == 0 && outcome.done && outcome.error == 0 && outcome.types == [0x1c])
    }

    @Test func refusal() {
        let outcome = feed(Recorded.refusal)
        #expect(outcome.done && outcome.error == -EEXIST && outcome.types.isEmpty)
    }

    @Test func dumpOverDatagrams() {
        let first = message(0x1c, flags: 2, [1, 0, 0, 0]) + message(0x1c, flags: 2, [2, 0, 0, 0])
        let second = message(0x1c, flags: 2, [3, 0, 0, 0])
        let open = feed(first, second)
        #expect(open.result == 0 && !open.done && open.types.count == 3)
        let closed = feed(first, second, Recorded.done)
        #expect(closed.done && !closed.interrupted && closed.types.count == 3)
    }

    /// NLM_F_DUMP_INTR on any message makes the whole dump inconsistent.
    @Test func interruptedDump() {
        let outcome = feed(
            message(0x1c, flags: 2, [1, 0, 0, 0]) + message(0x1c, flags: 2 | 0x10, [2, 0, 0, 0]), Recorded.done)
        #expect(outcome.done && outcome.interrupted)
        #expect(feed(message(3, flags: 2 | 0x10, littleEndian(Int32(0)))).interrupted)
    }

    @Test func messagesOfOtherRequestsAreSkipped() {
        let outcome = feed(
            seq: 9, message(0x1c, seq: 0, [6, 1, 0, 0]), message(2, flags: 0x100, seq: 8, littleEndian(Int32(-1)) + message(1)),
            message(0x1c, seq: 9, [1, 1, 0, 0]), message(2, flags: 0x100, seq: 9, littleEndian(Int32(0)) + message(0x1c)))
        #expect(outcome.done && outcome.error == 0 && outcome.types == [0x1c])
    }

    @Test func controlMessages() {
        #expect(feed(message(1), Recorded.acknowledgement).types.isEmpty)
        #expect(feed(message(4)).result == -EOVERFLOW)
    }

    @Test func malformedDatagrams() {
        #expect(feed([1, 2, 3]).result == -EBADMSG)
        #expect(feed(littleEndian(UInt32(8)) + [UInt8](repeating: 0, count: 12)).result == -EBADMSG)
        #expect(feed(message(0x1c) + [9]).result == -EBADMSG)
        for length in 1..<Recorded.refusal.count {
            #expect(feed([UInt8](Recorded.refusal.prefix(length))).result == -EBADMSG)
        }
        var random = SeededGenerator(seed: 7)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 1...120, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect([0, -EBADMSG, -EOVERFLOW].contains(feed(bytes).result))
        }
    }

    /// More bytes than the first allocation has.
    @Test func longReply() {
        let datagram = (0..<50).flatMap { _ in message(0x1c, flags: 2, [UInt8](repeating: 1, count: 333)) + [0, 0, 0] }
        #expect(feed(datagram, datagram, datagram, Recorded.done).types.count == 150)
    }
}

// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import Scenarios

@Suite struct SeenSegmentsTests {
    /// The headers of a segment over IPv4 with `payload` bytes behind them.
    private func headers(payload: Int, port: UInt16 = 5201, options: Int = 12) -> [UInt8] {
        let length = 40 + options + payload
        var bytes = [UInt8](repeating: 0, count: 40 + options)
        bytes[0] = 0x45
        bytes[2] = UInt8(length >> 8)
        bytes[3] = UInt8(length & 0xff)
        bytes[9] = 6
        bytes[22] = UInt8(port >> 8)
        bytes[23] = UInt8(port & 0xff)
        bytes[32] = UInt8((20 + options) / 4) << 4
        return bytes
    }

    @Test func headersOnly() {
        var seen = SeenSegments(port: 5201)
        seen.note(datagram: headers(payload: 1200)[...])
        seen.note(frame: [UInt8](repeating: 0, count: 12) + [8, 0] + headers(payload: 30_000))
        #expect(seen.segments == 2 && seen.payload == 31_200 && seen.exposed == nil)
    }

    @Test func payload() {
        var seen = SeenSegments(port: 5201)
        seen.note(datagram: (headers(payload: 1200) + [1, 2, 3])[...])
        seen.note(datagram: (headers(payload: 1200) + [1])[...])
        #expect(seen.segments == 2 && seen.exposed == "3 of 1200 bytes of payload")
    }

    /// Not of the stream, without payload, or too short to tell.
    @Test func others() {
        var seen = SeenSegments(port: 5201)
        seen.note(datagram: headers(payload: 0)[...])
        seen.note(datagram: headers(payload: 1, port: 5202)[...])
        seen.note(datagram: headers(payload: 1)[..<39])
        seen.note(datagram: [])
        seen.note(frame: [UInt8](repeating: 0, count: 12) + [8, 6] + headers(payload: 1))
        seen.note(frame: [1, 2, 3])
        var datagram = headers(payload: 1)
        datagram[9] = 17
        seen.note(datagram: datagram[...])
        #expect(seen == SeenSegments(port: 5201))
    }
}

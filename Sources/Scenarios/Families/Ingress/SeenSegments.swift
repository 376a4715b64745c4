// SPDX-License-Identifier: GPL-2.0

/// What a reader of packets has got of the TCP segments over IPv4 to one port.
struct SeenSegments: Sendable, Equatable {
    let port: UInt16
    /// Segments with payload; those that GRO has merged are one.
    private(set) var segments = 0
    /// Bytes of payload that these packets had, by the lengths in their headers.
    private(set) var payload: UInt64 = 0
    /// The first packet of which the reader got bytes behind the headers; nil where there is none.
    private(set) var exposed: String?

    init(port: UInt16) { self.port = port }

    /// Notes a frame, Ethernet header first.
    mutating func note(frame: [UInt8]) {
        guard frame.count >= 14, frame[12] == 0x08, frame[13] == 0 else { return }
        note(datagram: frame[14...])
    }

    /// Notes a packet, or the first bytes of it, network header first.
    mutating func note(datagram: ArraySlice<UInt8>) {
        let bytes = [UInt8](datagram)
        guard bytes.count >= 20, bytes[0] >> 4 == 4, bytes[9] == 6 else { return }
        let network = Int(bytes[0] & 0xf) * 4
        guard bytes.count >= network + 20, Self.number(bytes, network + 2) == port else { return }
        let headers = network + Int(bytes[network + 12] >> 4) * 4
        let length = Int(Self.number(bytes, 2))
        guard length > headers else { return }
        segments += 1
        payload += UInt64(length - headers)
        if bytes.count > headers, exposed == nil {
            exposed = "\(bytes.count - headers) of \(length - headers) bytes of payload"
        }
    }

    /// Two bytes in network order.
    private static func number(_ bytes: [UInt8], _ at: Int) -> UInt16 { UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1]) }
}

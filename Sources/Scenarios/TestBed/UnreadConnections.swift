// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// Connections whose payload the kernel has received and no process has read.
extension TestBed {
    /// A connection with 32 KiB of payload unread, sent over the peer's one socket.
    func connectWithUnread(_ run: ScenarioRun) throws -> Connection {
        let bytes = 32_768
        let socket = try connect(run)
        try run.step("\(bytes) bytes unread in the socket") {
            try peer.send(PayloadPattern(seed: 7), bytes: UInt64(bytes))
            try socket.waitUnread(bytes, within: run.timeout(10))
        }
        return socket
    }

    /// A connection from the peer's socket 0 with the first `bytes` of the pattern unread.
    func connectWithUnread(_ run: ScenarioRun, _ pattern: PayloadPattern, _ bytes: UInt64) throws -> Connection {
        let socket = try connect(run, 0)
        try socket.setReceiveBuffer(1 << 20)
        try run.step("\(bytes) bytes unread") { try sendUnread(run, socket, pattern, 0..<bytes) }
        return socket
    }

    /// Sends those bytes of the pattern over the peer's socket 0 in writes of a page, and waits until they are unread in the socket.
    func sendUnread(_ run: ScenarioRun, _ socket: Connection, _ pattern: PayloadPattern, _ bytes: Range<UInt64>) throws {
        try peer.write(0, pattern, from: bytes.lowerBound, bytes: bytes.upperBound - bytes.lowerBound, sizes: [4096])
        try socket.waitUnread(Int(bytes.upperBound), within: run.timeout(10))
        _ = try peer.written(0, within: run.timeout(10))
    }

    /// Sends those bytes of the pattern a segment at a time, each when the one before is unread in the socket: neither the sender nor GRO
    /// has two segments to merge.
    func sendSegments(
        _ run: ScenarioRun, _ socket: Connection, _ pattern: PayloadPattern, _ bytes: Range<UInt64>, of size: Int
    ) throws {
        for start in stride(from: bytes.lowerBound, to: bytes.upperBound, by: size) {
            try peer.write(0, pattern, from: start, bytes: UInt64(size), sizes: [size])
            try socket.waitUnread(Int(start) + size, within: run.timeout(10))
            _ = try peer.written(0, within: run.timeout(10))
        }
    }
}

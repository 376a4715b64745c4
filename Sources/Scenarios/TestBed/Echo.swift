// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import SystemPackage

/// Makes the peer answer ICMP echo requests. The answer makes the driver poll the interface's queue and carries no payload into a provider's
/// buffers, so the driver takes buffers from the refill ring while nothing is received.
final class Echo {
    private let socket: CInt
    private var sequence: UInt16 = 0

    /// - Parameter connection: a socket that is connected with the peer.
    init(to connection: CInt) throws {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let found = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(connection, $0, &length) }
        }
        guard found == 0, address.sin_family == sa_family_t(AF_INET) else {
            throw ScenarioSkip("the peer has no IPv4 address for an echo request")
        }
        address.sin_port = 0
        let raw = Glibc.socket(AF_INET, CInt(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), CInt(IPPROTO_ICMP))
        guard raw >= 0 else { throw KernelError("making a raw ICMP socket", errno: Errno(rawValue: errno)) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(raw, $0, length) }
        }
        guard connected == 0 else {
            let error = KernelError("connecting a raw ICMP socket", errno: Errno(rawValue: errno))
            close(raw)
            throw error
        }
        socket = raw
    }

    deinit { close(socket) }

    /// Sends a request and waits for a packet from the peer.
    func exchange(within seconds: Double) throws {
        sequence &+= 1
        // Type 8, code 0, checksum, identifier 0, sequence.
        let checksum = ~(0x0800 + sequence)
        var packet: [UInt8] = [8, 0, UInt8(checksum >> 8), UInt8(checksum & 0xff), 0, 0, UInt8(sequence >> 8), UInt8(sequence & 0xff)]
        guard send(socket, &packet, packet.count, 0) == packet.count else {
            throw KernelError("sending an ICMP echo request", errno: Errno(rawValue: errno))
        }
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, CInt(seconds * 1000)) > 0 else { throw ScenarioFailure("the peer answered no echo request for \(seconds) s") }
        var answer = [UInt8](repeating: 0, count: 256)
        while recv(socket, &answer, answer.count, CInt(MSG_DONTWAIT)) > 0 {}
    }
}

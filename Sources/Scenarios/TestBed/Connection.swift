// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// A connected socket, which is closed once: by ``close()``, or when the scenario is over.
final class Connection {
    /// iperf's port, which a firewall on a hardware test bed is likely to let through.
    static let port: UInt16 = 5201

    /// A socket that listens on ``port``.
    static func listen(on local: String) throws -> OwnedDescriptor {
        guard let address = IPAddress(local) else { throw ScenarioFailure("\"\(local)\" is not an IP address") }
        return try TCP.listen(on: Endpoint(address, port: port))
    }

    private var socket: OwnedDescriptor?
    /// The descriptor; -1 once closed.
    private(set) var rawValue: CInt

    init(_ socket: consuming OwnedDescriptor) {
        rawValue = socket.rawValue
        self.socket = consume socket
    }

    func close() {
        rawValue = -1
        socket.take()?.close()
    }

    /// Closes it with a reset: what is queued is discarded.
    func reset() throws {
        rawValue = -1
        if let socket = socket.take() { try TCP.reset(socket) }
    }

    deinit { close() }

    /// Ends the connection and makes the socket listen.
    func listenAgain(on address: String, port: UInt16) throws {
        guard let address = IPAddress(address) else { throw ScenarioFailure("\"\(address)\" is not an IP address") }
        try TCP.listen(again: rawValue, on: Endpoint(address, port: port))
    }

    /// Accepts the next connection, where the socket listens.
    func accept(within seconds: Double) throws -> Connection {
        guard let socket = socket.take() else { throw ScenarioFailure("the socket is closed") }
        let accepted = Result { Connection(try TCP.accept(socket, timeoutMilliseconds: CInt(seconds * 1000))) }
        self.socket = consume socket
        return try accepted.get()
    }

    /// Limits the unread bytes in the socket, and so the buffers that it holds (SO_RCVBUF; the kernel doubles the value).
    func limitReceiveBuffer(_ bytes: Int) throws {
        var size = CInt(bytes)
        guard setsockopt(rawValue, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw KernelError("setting SO_RCVBUF to \(bytes)", errno: Errno(rawValue: errno))
        }
    }

    /// Sets the receive buffer, above the limits of the system where necessary (SO_RCVBUFFORCE; the kernel doubles the value).
    func setReceiveBuffer(_ bytes: Int) throws {
        var size = CInt(bytes)
        guard setsockopt(rawValue, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw KernelError("setting SO_RCVBUFFORCE to \(bytes)", errno: Errno(rawValue: errno))
        }
    }

    /// Requests the destination address of each packet (IPV6_RECVPKTINFO).
    func requestPacketInfo() throws {
        var on: CInt = 1
        // IPV6_RECVPKTINFO of linux/in6.h.
        guard setsockopt(rawValue, CInt(IPPROTO_IPV6), 49, &on, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw KernelError("setting IPV6_RECVPKTINFO", errno: Errno(rawValue: errno))
        }
    }

    /// Makes TCP drop what is received with a smaller TTL (IP_MINTTL); 0 for none.
    func requireTTL(atLeast minimum: CInt) throws {
        var minimum = minimum
        // IP_MINTTL of linux/in.h.
        guard setsockopt(rawValue, CInt(IPPROTO_IP), 21, &minimum, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw KernelError("setting IP_MINTTL to \(minimum)", errno: Errno(rawValue: errno))
        }
    }

    /// Makes the socket resolve its route again (SO_DONTROUTE, which drops the cached one; the peer is on the same link).
    func dropRoute() throws {
        var on: CInt = 1
        guard setsockopt(rawValue, SOL_SOCKET, SO_DONTROUTE, &on, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw KernelError("setting SO_DONTROUTE", errno: Errno(rawValue: errno))
        }
    }

    /// Waits until the peer has closed: poll(2) for POLLRDHUP.
    func waitPeerClosed(within seconds: Double) throws {
        var entry = pollfd(fd: rawValue, events: 0x2000, revents: 0)
        var ready: CInt
        repeat { ready = poll(&entry, 1, CInt(seconds * 1000)) } while ready < 0 && errno == EINTR
        guard ready > 0 else { throw ScenarioFailure("the peer has not closed after \(seconds) s") }
    }

    /// Waits until that many bytes are unread in the socket: poll(2) with that low-water mark.
    func waitUnread(_ bytes: Int, within seconds: Double) throws {
        try setLowWater(bytes)
        var entry = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
        var ready: CInt
        repeat { ready = poll(&entry, 1, CInt(seconds * 1000)) } while ready < 0 && errno == EINTR
        // io_uring waits by the mark too, and would not be woken for a stream's last bytes.
        try setLowWater(1)
        guard ready > 0 else { throw ScenarioFailure("fewer than \(bytes) bytes are in the socket after \(seconds) s") }
    }

    /// Waits until the socket has an error, such as a reset, and leaves the error for the reader.
    func waitError(within seconds: Double) throws {
        var entry = pollfd(fd: rawValue, events: 0, revents: 0)
        var ready: CInt
        repeat { ready = poll(&entry, 1, CInt(seconds * 1000)) } while ready < 0 && errno == EINTR
        guard entry.revents & Int16(POLLERR) != 0 else { throw ScenarioFailure("the socket had no error within \(seconds) s") }
    }

    private func setLowWater(_ bytes: Int) throws {
        var mark = CInt(bytes)
        guard setsockopt(rawValue, SOL_SOCKET, SO_RCVLOWAT, &mark, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw KernelError("setting SO_RCVLOWAT to \(bytes)", errno: Errno(rawValue: errno))
        }
    }

    /// Makes every close of the socket a reset: an orderly close towards a peer that is unreachable makes an orphan, which holds its buffers for
    /// minutes (tcp_orphan_retries).
    func abortOnClose() throws {
        var now = linger(l_onoff: 1, l_linger: 0)
        guard setsockopt(rawValue, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size)) == 0 else {
            throw KernelError("setting SO_LINGER", errno: Errno(rawValue: errno))
        }
    }
}

extension Connection {
    /// Waits until no socket of that local port waits for the peer to acknowledge its FIN: FIN_WAIT1, CLOSING or LAST_ACK in /proc/net/tcp.
    ///
    /// - Parameter others: sockets that were closing before, of earlier scenarios on the same guest.
    static func waitForNoneClosing(port: UInt16, but others: Set<String>, within seconds: Double) throws {
        var left: Set<String> = []
        // No event reports the end of an orphan.
        try Polling.wait(within: seconds, orFail: "socket \(left.min() ?? "") is still closing", pause: 2) {
            left = try closing(port: port).subtracting(others)
            return left.isEmpty
        }
    }

    /// The sockets of a port that are closing, by both addresses as /proc/net/tcp prints them.
    static func closing(port: UInt16) throws -> Set<String> {
        let states: Set<Substring> = ["04", "0B", "09"]
        let suffix = ":" + hex(port)
        let table = try KernelFile.read("/proc/thread-self/net/tcp") + (try KernelFile.read("/proc/thread-self/net/tcp6"))
        let lines = table.filledLines.map { $0.split(separator: " ") }
        return Set(lines.filter { $0.count > 3 && $0[1].hasSuffix(suffix) && states.contains($0[3]) }.map { "\($0[1]) to \($0[2])" })
    }

    /// A port as /proc/net/tcp prints it: four hexadecimal digits.
    private static func hex(_ port: UInt16) -> String {
        let digits = String(port, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}

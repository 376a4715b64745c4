// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import SystemPackage

/// A connected socket that closes once, when it is told to or when the scenario is over.
final class Connection {
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

    deinit { close() }

    /// Bounds what lies unread in the socket, and so how many buffers it keeps (SO_RCVBUF; the kernel doubles it).
    func limitUnread(_ bytes: Int) throws {
        var size = CInt(bytes)
        guard setsockopt(rawValue, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw KernelError("setting SO_RCVBUF to \(bytes)", errno: Errno(rawValue: errno))
        }
    }

    /// Waits until that many bytes lie unread in the socket: poll(2) with that low-water mark.
    func waitUnread(_ bytes: Int, within seconds: Double) throws {
        var mark = CInt(bytes)
        guard setsockopt(rawValue, SOL_SOCKET, SO_RCVLOWAT, &mark, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw KernelError("setting SO_RCVLOWAT to \(bytes)", errno: Errno(rawValue: errno))
        }
        var entry = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
        var ready: CInt
        repeat { ready = poll(&entry, 1, CInt(seconds * 1000)) } while ready < 0 && errno == EINTR
        guard ready > 0 else { throw ScenarioFailure("fewer than \(bytes) bytes lie in the socket after \(seconds) s") }
    }
}

/// Both ends of a TCP connection over loopback, for scenarios without a device.
final class Loopback {
    let receiver: Connection
    private let sender: Connection
    private let pattern: PayloadPattern
    private(set) var sent: UInt64 = 0

    init(_ run: ScenarioRun, pattern: PayloadPattern) throws {
        self.pattern = pattern
        let limit = CInt(run.patience(10) * 1000)
        let listener = try TCP.listen(on: Endpoint(.loopback4, port: 0))
        do {
            let outgoing = Connection(try TCP.connect(to: try TCP.localEndpoint(of: listener), timeoutMilliseconds: limit))
            receiver = Connection(try TCP.accept(listener, timeoutMilliseconds: limit))
            sender = outgoing
        } catch {
            listener.close()
            throw error
        }
        listener.close()
        run.cleanUp("connection closed") {
            self.sender.close()
            self.receiver.close()
        }
    }

    /// Sends the next `bytes` of the pattern.
    func send(_ bytes: Int, within seconds: Double) throws {
        let start = sent
        let chunk = [UInt8](unsafeUninitializedCapacity: bytes) { buffer, count in
            pattern.fill(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: bytes), from: start)
            count = bytes
        }
        let socket = OwnedDescriptor(taking: sender.rawValue)
        let result = Result { try TCP.send(chunk, over: socket, timeoutMilliseconds: CInt(seconds * 1000)) }
        _ = socket.take()
        try result.get()
        sent += UInt64(bytes)
    }
}

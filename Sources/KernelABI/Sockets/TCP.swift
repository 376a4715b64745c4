// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// TCP sockets, all of them non-blocking; every wait has a timeout in milliseconds, negative for no limit.
public enum TCP {
    /// A listening socket.
    ///
    /// - Parameters:
    ///   - endpoint: with port 0 the kernel chooses one; ``localEndpoint(of:)`` returns it.
    ///   - device: the name of the device that connections must use (`SO_BINDTODEVICE`).
    public static func listen(
        on endpoint: Endpoint, device: String? = nil, backlog: CInt = 16
    ) throws(KernelError) -> OwnedDescriptor {
        let operation = "listening on \(endpoint)"
        let socket = try make(endpoint.family, device: device, operation)
        do throws(KernelError) {
            try set(socket, SOL_SOCKET, SO_REUSEADDR, 1, operation)
            guard endpoint.withSocketAddress({ bind(socket.rawValue, $0, $1) }) == 0,
                Glibc.listen(socket.rawValue, backlog) == 0
            else { throw lastError(operation) }
        } catch {
            socket.close()
            throw error
        }
        return socket
    }

    /// Disconnects a socket (`tcp_disconnect()`) and makes the same socket listen. Everything else that belongs to the socket stays.
    public static func listen(again socket: CInt, on endpoint: Endpoint) throws(KernelError) {
        let operation = "listening on \(endpoint) with a socket that was connected"
        var nowhere = sockaddr()
        nowhere.sa_family = sa_family_t(AF_UNSPEC)
        var reuse: CInt = 1
        guard Glibc.connect(socket, &nowhere, socklen_t(MemoryLayout<sockaddr>.size)) == 0,
            setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<CInt>.size)) == 0,
            endpoint.withSocketAddress({ bind(socket, $0, $1) }) == 0, Glibc.listen(socket, 16) == 0
        else { throw lastError(operation) }
    }

    /// A connected socket.
    ///
    /// - Parameters:
    ///   - source: the local endpoint; with nil the kernel chooses one.
    ///   - device: the name of the device to use (`SO_BINDTODEVICE`).
    /// - Throws: `ETIMEDOUT` at the timeout; `ECONNREFUSED` and other errors of connect(2).
    public static func connect(
        to endpoint: Endpoint, from source: Endpoint? = nil, device: String? = nil, timeoutMilliseconds: CInt
    ) throws(KernelError) -> OwnedDescriptor {
        let operation = "connecting to \(endpoint)"
        let socket = try make(endpoint.family, device: device, operation)
        do throws(KernelError) {
            if let source {
                try set(socket, SOL_SOCKET, SO_REUSEADDR, 1, operation)
                guard source.withSocketAddress({ bind(socket.rawValue, $0, $1) }) == 0 else {
                    throw lastError("\(operation) from \(source)")
                }
            }
            if endpoint.withSocketAddress({ Glibc.connect(socket.rawValue, $0, $1) }) != 0 {
                guard Glibc.errno == EINPROGRESS else { throw lastError(operation) }
                try wait(socket, for: .writing, timeoutMilliseconds: timeoutMilliseconds, operation)
                var failure: CInt = 0
                var size = socklen_t(MemoryLayout<CInt>.size)
                guard getsockopt(socket.rawValue, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 else {
                    throw lastError(operation)
                }
                if failure != 0 { throw KernelError(operation, errno: Errno(rawValue: failure)) }
            }
        } catch {
            socket.close()
            throw error
        }
        return socket
    }

    /// The next connection of a listening socket.
    ///
    /// - Throws: `ETIMEDOUT` at the timeout.
    public static func accept(
        _ listener: borrowing OwnedDescriptor, timeoutMilliseconds: CInt
    ) throws(KernelError) -> OwnedDescriptor {
        let operation = "accepting a connection"
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        while true {
            let fd = ppiov_accept(listener.rawValue)
            guard [-EAGAIN, -EINTR, -ECONNABORTED].contains(fd) else {
                return OwnedDescriptor(taking: try check(fd, operation))
            }
            try wait(listener, for: .reading, timeoutMilliseconds: deadline.remaining, operation)
        }
    }

    /// The endpoint that a socket is bound to.
    public static func localEndpoint(of socket: borrowing OwnedDescriptor) throws(KernelError) -> Endpoint {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.rawValue, $0, &size) }
        }
        guard result == 0 else { throw lastError("reading a socket's address") }
        guard let endpoint = Endpoint(storage) else {
            throw KernelError("reading a socket's address", errno: .addressFamilyNotSupported)
        }
        return endpoint
    }

    /// What to wait for.
    public enum Readiness: Sendable, Hashable {
        case reading
        case writing
        /// An entry in the error queue: the completion of a zero-copy send.
        case errorQueue

        var events: Int16 {
            switch self {
            case .reading: Int16(POLLIN)
            case .writing: Int16(POLLOUT)
            case .errorQueue: 0
            }
        }
    }

    /// Waits until a socket is ready, or has failed or ended, which the next call on it reports.
    ///
    /// - Throws: `ETIMEDOUT` at the timeout.
    public static func wait(
        _ socket: borrowing OwnedDescriptor, for readiness: Readiness, timeoutMilliseconds: CInt
    ) throws(KernelError) {
        try wait(socket, for: readiness, timeoutMilliseconds: timeoutMilliseconds, "waiting for a socket")
    }

    private static func wait(
        _ socket: borrowing OwnedDescriptor, for readiness: Readiness, timeoutMilliseconds: CInt, _ operation: String
    ) throws(KernelError) {
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        var entry = pollfd(fd: socket.rawValue, events: readiness.events, revents: 0)
        while true {
            let ready = poll(&entry, 1, deadline.remaining)
            if ready > 0 { return }
            if ready == 0 { throw KernelError(operation, errno: .timedOut) }
            guard Glibc.errno == EINTR else { throw lastError(operation) }
        }
    }

    /// Sends all of `bytes`.
    ///
    /// - Parameter timeoutMilliseconds: for all of it.
    /// - Throws: `ETIMEDOUT`; `EPIPE` and `ECONNRESET` where the peer has closed the connection.
    public static func send(
        _ bytes: [UInt8], over socket: borrowing OwnedDescriptor, timeoutMilliseconds: CInt
    ) throws(KernelError) {
        let operation = "sending \(bytes.count) bytes"
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        var sent = 0
        while sent < bytes.count {
            let result = bytes.withUnsafeBytes { all in
                let rest = UnsafeRawBufferPointer(rebasing: all[sent...])
                return Glibc.send(socket.rawValue, rest.baseAddress, rest.count, CInt(MSG_NOSIGNAL))
            }
            if result >= 0 {
                sent += result
                continue
            }
            guard [EAGAIN, EINTR].contains(Glibc.errno) else { throw lastError("\(operation), \(sent) sent") }
            try wait(socket, for: .writing, timeoutMilliseconds: deadline.remaining, "\(operation), \(sent) sent")
        }
    }

    /// Receives up to `count` bytes; an empty array at the end of the stream.
    ///
    /// - Throws: `ETIMEDOUT` where nothing was received; `EFAULT` where the payload is in device memory.
    public static func receive(
        upTo count: Int, from socket: borrowing OwnedDescriptor, timeoutMilliseconds: CInt
    ) throws(KernelError) -> [UInt8] {
        let operation = "receiving"
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        var bytes = [UInt8](repeating: 0, count: count)
        while true {
            let result = recv(socket.rawValue, &bytes, count, 0)
            if result >= 0 { return [UInt8](bytes.prefix(result)) }
            guard [EAGAIN, EINTR].contains(Glibc.errno) else { throw lastError(operation) }
            try wait(socket, for: .reading, timeoutMilliseconds: deadline.remaining, operation)
        }
    }

    /// Sends small segments at once (`TCP_NODELAY`), so that the caller decides about their sizes.
    public static func setNoDelay(_ socket: borrowing OwnedDescriptor, _ on: Bool = true) throws(KernelError) {
        try set(socket, CInt(IPPROTO_TCP), TCP_NODELAY, on ? 1 : 0, "setting TCP_NODELAY")
    }

    /// A direction of a connection, as shutdown(2) takes it.
    public enum Half: CInt, Sendable, Hashable {
        case reading = 0
        case writing = 1
        case both = 2
    }

    /// Ends one direction of a connection, or both.
    public static func shutDown(_ socket: borrowing OwnedDescriptor, _ half: Half = .writing) throws(KernelError) {
        guard shutdown(socket.rawValue, half.rawValue) == 0 else { throw lastError("shutting a socket down") }
    }

    /// Closes a socket with a reset; data in its queues is discarded (`SO_LINGER` of 0 seconds).
    public static func reset(_ socket: consuming OwnedDescriptor) throws(KernelError) {
        var option = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        let result = setsockopt(socket.rawValue, SOL_SOCKET, SO_LINGER, &option, size)
        let error = result == 0 ? nil : lastError("setting SO_LINGER")
        socket.close()
        if let error { throw error }
    }

    private static func make(
        _ family: CInt, device: String?, _ operation: String
    ) throws(KernelError) -> OwnedDescriptor {
        let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let fd = socket(family, type, 0)
        guard fd >= 0 else { throw lastError(operation) }
        let made = OwnedDescriptor(taking: fd)
        if let device, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, socklen_t(device.utf8.count)) != 0 {
            let error = lastError("\(operation) over \(device)")
            made.close()
            throw error
        }
        return made
    }

    private static func set(
        _ socket: borrowing OwnedDescriptor, _ level: CInt, _ name: CInt, _ value: CInt, _ operation: String
    ) throws(KernelError) {
        var value = value
        guard setsockopt(socket.rawValue, level, name, &value, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw lastError(operation)
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Synchronization

/// A file descriptor that is closed with its last reference, so that no thread uses a number that the kernel has reused.
private final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }
}

/// The host's end of one of the machine's sockets.
///
/// The harness listens before QEMU starts, and QEMU connects: there is no race and no retry. One connection
/// is accepted; its bytes go to `receive` on a thread of the channel's own, in order, and nil follows the last of them.
final class Channel: Sendable {
    let path: String

    private struct State {
        var listener: Descriptor?
        var connection: Descriptor?
        var closed = false
    }

    private let state: Mutex<State>
    private let connection = Promise<Void>()
    private let drained = Promise<Void>()
    private let writing: DispatchQueue

    /// Binds and listens.
    ///
    /// - Parameters:
    ///   - path: the socket; at most 107 bytes.
    ///   - receive: called on the reader's thread; it may block, which makes the guest wait.
    init(path: String, receive: @escaping @Sendable ([UInt8]?) -> Void) throws {
        self.path = path
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw Self.failure("make a socket for", path) }
        let listener = Descriptor(number)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw HarnessError(.harness, "the socket path \(path) is longer than 107 bytes", hint: "set XDG_RUNTIME_DIR to a shorter path")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        guard bound == 0, listen(number, 1) == 0 else { throw Self.failure("listen on", path) }
        state = Mutex(State(listener: listener))
        writing = DispatchQueue(label: "ppiov.channel.write")
        let thread = Thread { [self] in read(receive) }
        thread.name = "ppiov-channel"
        thread.start()
    }

    private static func failure(_ what: String, _ path: String) -> HarnessError {
        HarnessError(.harness, "cannot \(what) \(path): \(String(cString: strerror(errno)))")
    }

    private func read(_ receive: ([UInt8]?) -> Void) {
        defer {
            receive(nil)
            drained.settle(.success(()))
        }
        guard let accepted = acceptOne() else {
            connection.settle(.failure(HarnessError(.harness, "QEMU did not connect to \(path)")))
            return
        }
        connection.settle(.success(()))
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(accepted.number, &buffer, buffer.count, 0)
            if count > 0 {
                receive(Array(buffer[..<count]))
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }

    private func acceptOne() -> Descriptor? {
        guard let listener = state.withLock({ $0.listener }) else { return nil }
        var number: Int32
        repeat {
            number = accept(listener.number, nil, nil)
        } while number < 0 && (errno == EINTR || errno == ECONNABORTED)
        // Glibc's accept4 is not visible to Swift. Subprocess closes every descriptor that it does not pass on, so none is inherited in between.
        if number >= 0 { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
        let accepted = number >= 0 ? Descriptor(number) : nil
        return state.withLock { state in
            state.listener = nil
            unlink(path)
            guard !state.closed else { return nil }
            state.connection = accepted
            return accepted
        }
    }

    /// Waits until QEMU has connected.
    func connected() async throws { try await connection.value() }

    /// Waits until `receive` was called with nil.
    func ended() async throws { try await drained.value() }

    /// Writes all of `bytes`.
    ///
    /// - Throws: `HarnessError` where the other end or the channel is closed; `CancellationError`.
    func send(_ bytes: [UInt8]) async throws {
        guard let connection = state.withLock({ $0.connection }) else {
            throw HarnessError(.harness, "cannot write to \(path): not connected")
        }
        let done = Promise<Void>()
        writing.async { [path] in done.settle(Self.write(bytes, to: connection.number, path)) }
        try await done.value()
    }

    private static func write(_ bytes: [UInt8], to number: Int32, _ path: String) -> Result<Void, any Error> {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                return .failure(failure("write to", path))
            }
        }
        return .success(())
    }

    /// Ends the wait for a connection. A connection that exists is read to its end.
    func stopListening() {
        if let listener = state.withLock({ $0.listener }) { shutdown(listener.number, Int32(SHUT_RDWR)) }
    }

    /// Ends the channel: reader, writers and a pending accept return at once.
    func end() {
        let (listener, connection) = state.withLock { state in
            state.closed = true
            return (state.listener, state.connection)
        }
        if let listener { shutdown(listener.number, Int32(SHUT_RDWR)) }
        if let connection { shutdown(connection.number, Int32(SHUT_RDWR)) }
    }
}

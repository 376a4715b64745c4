// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc

/// Sends descriptors to another process, or leaves them in a socket, over unix sockets (`SCM_RIGHTS`).
public enum DescriptorPassing {
    /// Listens under an abstract name of the calling thread's network namespace.
    public static func listen(_ name: String) throws(KernelError) -> OwnedDescriptor {
        OwnedDescriptor(taking: try check(ppiov_unix_listen(name), "listening on unix socket @\(name)"))
    }

    /// Waits for a connection to such a socket.
    public static func accept(_ listener: borrowing OwnedDescriptor, timeoutMilliseconds: CInt) throws(KernelError) -> OwnedDescriptor {
        try TCP.wait(listener, for: .reading, timeoutMilliseconds: timeoutMilliseconds)
        return OwnedDescriptor(taking: try check(ppiov_accept(listener.rawValue), "accepting on a unix socket"))
    }

    /// Connects to an abstract name.
    public static func connect(_ name: String) throws(KernelError) -> OwnedDescriptor {
        OwnedDescriptor(taking: try check(ppiov_unix_connect(name), "connecting to unix socket @\(name)"))
    }

    /// Two connected sockets. A descriptor that was sent over one and not yet received is held by no process.
    public static func pair() throws(KernelError) -> (CInt, CInt) {
        var ends: [CInt] = [-1, -1]
        try check(ppiov_unix_pair(&ends), "making a pair of unix sockets")
        return (ends[0], ends[1])
    }

    /// Sends copies of descriptors, at most 8; the caller's stay open.
    public static func send(_ descriptors: [CInt], over socket: CInt) throws(KernelError) {
        try check(ppiov_send_fds(socket, descriptors, descriptors.count), "sending \(descriptors.count) descriptors")
    }

    /// Receives descriptors; the caller closes them.
    ///
    /// - Throws: `ENOMSG` where fewer than `count` came; `EMSGSIZE` where the kernel discarded some (`MSG_CTRUNC`), because more were sent or this
    ///   process may not open that many.
    public static func receive(_ count: Int, from socket: CInt) throws(KernelError) -> [CInt] {
        var descriptors = [CInt](repeating: -1, count: count)
        let received = Int(try check(ppiov_receive_fds(socket, &descriptors, count), "receiving \(count) descriptors"))
        guard received == count else {
            for descriptor in descriptors.prefix(received) { _ = close(descriptor) }
            throw failure(-ENOMSG, "receiving \(count) descriptors")
        }
        return descriptors
    }
}

// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc

/// Descriptors that go to another process, or nowhere, over unix sockets (`SCM_RIGHTS`).
public enum DescriptorPassing {
    /// Listens under an abstract name, which the calling thread's network namespace knows.
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

    /// Two connected sockets, in which a descriptor can be under way with no process holding it.
    public static func pair() throws(KernelError) -> (CInt, CInt) {
        var ends: [CInt] = [-1, -1]
        try check(ppiov_unix_pair(&ends), "making a pair of unix sockets")
        return (ends[0], ends[1])
    }

    /// Passes copies of descriptors on; the caller's stay open.
    public static func pass(_ descriptors: [CInt], over socket: CInt) throws(KernelError) {
        try check(ppiov_pass_fds(socket, descriptors, descriptors.count), "passing \(descriptors.count) descriptors on")
    }

    /// Takes descriptors; the caller closes them.
    ///
    /// - Throws: `ENOMSG` where fewer than `count` came.
    public static func take(_ count: Int, from socket: CInt) throws(KernelError) -> [CInt] {
        var descriptors = [CInt](repeating: -1, count: count)
        let taken = Int(try check(ppiov_take_fds(socket, &descriptors, count), "taking \(count) descriptors"))
        guard taken == count else {
            for descriptor in descriptors.prefix(taken) { _ = close(descriptor) }
            throw failure(-ENOMSG, "taking \(count) descriptors")
        }
        return descriptors
    }
}

// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc

/// The send queue of a TCP socket.
public enum SocketSending {
    /// Bytes in the send queue that the peer has not acknowledged (`SIOCOUTQ`).
    public static func unacknowledged(_ socket: CInt) throws(KernelError) -> Int {
        Int(try check(ppiov_unacknowledged(socket), "reading SIOCOUTQ of socket \(socket)"))
    }

    /// Bytes in the send queue that were not sent yet (`SIOCOUTQNSD`).
    public static func unsent(_ socket: CInt) throws(KernelError) -> Int {
        Int(try check(ppiov_unsent(socket), "reading SIOCOUTQNSD of socket \(socket)"))
    }

    /// Delays bytes that do not fill a segment (`TCP_CORK`), or sends them.
    public static func cork(_ socket: CInt, _ on: Bool) throws(KernelError) {
        var value: CInt = on ? 1 : 0
        guard setsockopt(socket, CInt(IPPROTO_TCP), TCP_CORK, &value, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw lastError("setting TCP_CORK")
        }
    }
}

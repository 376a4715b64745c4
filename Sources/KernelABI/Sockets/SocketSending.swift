// SPDX-License-Identifier: GPL-2.0

import CShim
import Glibc

/// What a socket has sent.
public enum SocketSending {
    /// Bytes sent, or to be sent, that the peer has not acknowledged (`SIOCOUTQ`).
    public static func unacknowledged(_ socket: CInt) throws(KernelError) -> Int {
        Int(try check(ppiov_unacknowledged(socket), "asking what socket \(socket) has to send"))
    }

    /// Bytes to be sent (`SIOCOUTQNSD`).
    public static func unsent(_ socket: CInt) throws(KernelError) -> Int {
        Int(try check(ppiov_unsent(socket), "asking what socket \(socket) has not sent"))
    }

    /// Keeps back what fills no segment (`TCP_CORK`), or sends it.
    public static func cork(_ socket: CInt, _ on: Bool) throws(KernelError) {
        var value: CInt = on ? 1 : 0
        guard setsockopt(socket, CInt(IPPROTO_TCP), TCP_CORK, &value, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw KernelError("setting TCP_CORK", code: errno)
        }
    }
}

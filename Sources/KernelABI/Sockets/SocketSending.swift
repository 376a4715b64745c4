// SPDX-License-Identifier: GPL-2.0

import CShim

/// What a socket has sent.
public enum SocketSending {
    /// Bytes sent, or to be sent, that the peer has not acknowledged (`SIOCOUTQ`).
    public static func unacknowledged(_ socket: CInt) throws(KernelError) -> Int {
        Int(try check(ppiov_unacknowledged(socket), "asking what socket \(socket) has to send"))
    }
}

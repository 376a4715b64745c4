// SPDX-License-Identifier: GPL-2.0

import CShim

/// Reading a TCP socket without recvmsg(2). What lies in net_iovs can be read by neither.
public enum SocketReading {
    /// Splices received bytes into a pipe, which is thrown away. Mirrors `tcp_splice_read()`.
    ///
    /// - Returns: bytes that were moved.
    /// - Throws: `EAGAIN` where there are none; `EFAULT` where they cannot be read.
    public static func splice(_ socket: CInt, upTo bytes: Int) throws(KernelError) -> Int {
        Int(try check(ppiov_splice_out(socket, bytes), "splicing from socket \(socket)"))
    }

    /// Maps received pages into this process, and unmaps them. Mirrors `tcp_zerocopy_receive()` (`TCP_ZEROCOPY_RECEIVE`).
    ///
    /// - Returns: bytes that were mapped.
    public static func map(_ socket: CInt, upTo bytes: Int) throws(KernelError) -> Int {
        Int(try check(ppiov_map_received(socket, bytes), "mapping what socket \(socket) received"))
    }
}

// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// Ways to read a TCP socket other than recvmsg(2), neither of which can read payload in net_iovs, and what it received.
public enum SocketReading {
    /// Splices received bytes into a pipe, which is then closed. Mirrors `tcp_splice_read()`.
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
        Int(try check(ppiov_map_received(socket, bytes), "mapping received pages of socket \(socket)"))
    }

    /// Segments received out of order so far (`TCP_INFO`).
    ///
    /// - Throws: `EOPNOTSUPP` where the kernel does not count them (before 5.4).
    public static func outOfOrderSegments(_ socket: CInt) throws(KernelError) -> UInt32 {
        var segments: UInt32 = 0
        try check(ppiov_out_of_order(socket, &segments), "reading TCP_INFO of socket \(socket)")
        return segments
    }
}

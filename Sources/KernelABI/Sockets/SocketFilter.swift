// SPDX-License-Identifier: GPL-2.0

import CShim

/// A filter on a TCP socket, which is run over each packet before TCP looks at it. Mirrors `tcp_filter()`.
public enum SocketFilter {
    /// Cuts each packet to so many bytes, the TCP header among them (`SO_ATTACH_FILTER`). The sender sends again what was cut off.
    ///
    /// - Throws: `EPERM` where a filter is there that is locked.
    public static func cut(_ socket: CInt, to bytes: UInt32) throws(KernelError) {
        try check(ppiov_cut_packets(socket, bytes), "attaching a filter to socket \(socket)")
    }

    /// Takes the filter away (`SO_DETACH_FILTER`).
    ///
    /// - Throws: `ENOENT` where there is none.
    public static func remove(_ socket: CInt) throws(KernelError) {
        try check(ppiov_uncut_packets(socket), "detaching the filter of socket \(socket)")
    }

    /// Segments that came out of order so far (`TCP_INFO`), as behind a packet that was cut.
    ///
    /// - Throws: `EOPNOTSUPP` where the kernel keeps no count (before 5.4).
    public static func outOfOrder(_ socket: CInt) throws(KernelError) -> UInt32 {
        var segments: UInt32 = 0
        try check(ppiov_out_of_order(socket, &segments), "asking for TCP_INFO of socket \(socket)")
        return segments
    }
}

/// What a socket has sent.
public enum SocketSending {
    /// Bytes sent, or to be sent, that the peer has not acknowledged (`SIOCOUTQ`).
    public static func unacknowledged(_ socket: CInt) throws(KernelError) -> Int {
        Int(try check(ppiov_unacknowledged(socket), "asking what socket \(socket) has to send"))
    }
}

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

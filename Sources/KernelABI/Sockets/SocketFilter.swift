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

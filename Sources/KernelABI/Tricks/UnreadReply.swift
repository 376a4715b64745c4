// SPDX-License-Identifier: GPL-2.0

internal import CShim

extension Netdev {
    /// Requests a binding while unread replies fill the socket's receive buffer, so that the kernel cannot send the binding's id.
    ///
    /// The kernel may then keep the binding or not (7.3 keeps it until the socket closes). Afterwards the handle can only be
    /// closed.
    public mutating func bindRXWithUnreadReply(ifindex: UInt32, dmabuf: CInt, queues: [UInt32]) throws(KernelError) {
        try netlink.socket.setReceiveBuffer(bytes: 1)
        // Each reply has some 100 bytes, and the kernel charges a whole skb for it: its minimum of SO_RCVBUF holds about three.
        for _ in 0..<32 { try netlink.send("dev-get", build: { ppiov_msg_dev_get($0, $1, $2, $3, ifindex) }) }
        try netlink.send("bind-rx on ifindex \(ifindex)", capacity: 512 + queues.count * 32) { buffer, size, family, seq in
            ppiov_msg_bind_rx(buffer, size, family, seq, ifindex, dmabuf, queues, queues.count, 0)
        }
        bindings.count += 1
    }
}

// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc

/// Makes every CPU run its receive softirq once.
///
/// A socket that is done with an skb hands it back to the CPU that allocated it (`skb_attempt_defer_free()`,
/// net/core/skbuff.c), and that CPU frees it on its next pass through `net_rx_action()`. Where nothing else is received that
/// pass never comes, and the skb's buffers stay out of their page pool: waiting, not lost. One datagram over loopback on
/// each CPU is that pass.
public struct ReceiveSoftirq: ~Copyable {
    private let receiver: CInt
    private let sender: CInt

    /// - Throws: where the loopback device is down or has no address.
    public init() throws(KernelError) {
        let receiver = try Self.datagramSocket()
        let sender: OwnedDescriptor
        do throws(KernelError) {
            try Self.bindToLoopback(receiver)
            sender = try Self.datagramSocket()
        } catch {
            receiver.close()
            throw error
        }
        do throws(KernelError) {
            try Self.connect(sender, to: receiver)
        } catch {
            sender.close()
            receiver.close()
            throw error
        }
        self.receiver = receiver.take()
        self.sender = sender.take()
    }

    /// Sends itself a datagram from every CPU the calling thread may run on, and stays where it may run afterwards.
    public borrowing func runEverywhere() throws(KernelError) {
        // 1024 CPUs, as glibc's cpu_set_t has.
        var allowed = [UInt8](repeating: 0, count: 128)
        try check(ppiov_affinity_get(&allowed, allowed.count), "reading the thread's CPU affinity")
        defer { _ = ppiov_affinity_set(allowed, allowed.count) }
        for cpu in 0..<(allowed.count * 8) where allowed[cpu / 8] & (1 << (cpu % 8)) != 0 {
            var one = [UInt8](repeating: 0, count: allowed.count)
            one[cpu / 8] = 1 << (cpu % 8)
            // A CPU that went offline meanwhile has nothing deferred: its list was flushed on the way.
            guard ppiov_affinity_set(one, one.count) == 0 else { continue }
            var byte: UInt8 = 0
            guard send(sender, &byte, 1, Int32(MSG_NOSIGNAL)) == 1, recv(receiver, &byte, 1, 0) == 1 else {
                throw lastError("sending a datagram over loopback on CPU \(cpu)")
            }
        }
    }

    // Quiet: nobody outside can see these sockets, so it does not matter when they go.
    deinit {
        close(sender)
        close(receiver)
    }

    private static func datagramSocket() throws(KernelError) -> OwnedDescriptor {
        let descriptor = socket(AF_INET, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw lastError("making a datagram socket") }
        return OwnedDescriptor(taking: descriptor)
    }

    private static func bindToLoopback(_ socket: borrowing OwnedDescriptor) throws(KernelError) {
        let fd = socket.rawValue
        guard Endpoint(.loopback4, port: 0).withSocketAddress({ bind(fd, $0, $1) }) == 0 else {
            throw lastError("binding a datagram socket to loopback")
        }
        // A datagram that was lost must not block for ever.
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        guard setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size)) == 0 else {
            throw lastError("setting SO_RCVTIMEO")
        }
    }

    private static func connect(_ sender: borrowing OwnedDescriptor, to receiver: borrowing OwnedDescriptor) throws(KernelError) {
        let fd = sender.rawValue
        let endpoint = try TCP.localEndpoint(of: receiver)
        guard endpoint.withSocketAddress({ Glibc.connect(fd, $0, $1) }) == 0 else {
            throw lastError("connecting a datagram socket over loopback")
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

internal import Glibc

/// Makes every CPU run its receive softirq once.
///
/// A socket that has consumed an skb queues it for the CPU that allocated it (`skb_attempt_defer_free()`, net/core/skbuff.c), and that CPU frees it
/// in its next `net_rx_action()`. Where nothing else is received, `net_rx_action()` does not run, and the skb's buffers stay inflight although
/// they are not lost. One datagram over loopback on each CPU makes it run.
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

    /// Sends a datagram to itself from every CPU that the calling thread may run on. The thread's affinity is restored afterwards.
    public borrowing func runEverywhere() throws(KernelError) {
        let allowed = try ThreadPlacement.affinity()
        defer { _ = ThreadPlacement.setAffinity(allowed) }
        for cpu in 0..<(allowed.count * 8) where allowed[cpu / 8] & (1 << (cpu % 8)) != 0 {
            var one = [UInt8](repeating: 0, count: allowed.count)
            one[cpu / 8] = 1 << (cpu % 8)
            // A CPU that was set offline has nothing deferred: its list was flushed then.
            guard ThreadPlacement.setAffinity(one) else { continue }
            var byte: UInt8 = 0
            guard send(sender, &byte, 1, Int32(MSG_NOSIGNAL)) == 1, recv(receiver, &byte, 1, 0) == 1 else {
                throw lastError("sending a datagram over loopback on CPU \(cpu)")
            }
        }
    }

    // Not noted in DroppedHandles: these sockets have no effect on any scenario.
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
        // A lost datagram must not block the thread.
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

// SPDX-License-Identifier: GPL-2.0

import Glibc
public import KernelABI
import SystemPackage

/// The controls of netdevsim: its bus in sysfs and its debugfs files (drivers/net/netdevsim).
public enum Netdevsim {
    /// Buffers that a queue posts (NSIM_RING_SIZE).
    static let ringSize = 256
    /// A number of net_iovs that a queue posts completely and that fits into the ring of its pool (`LifeCycle.Prediction.certainCapacity`): each is
    /// held exactly once.
    static let certainPages = 240
    /// Bytes of payload after which every buffer of a queue was received into again: more than ``ringSize`` net_iovs hold.
    static let ringTurnover: UInt64 = 2_000_000
    static let bus = "/sys/bus/netdevsim"
    /// Where the guest image has the module (`Harness.GuestImage`).
    static let module = "/lib/modules/ppiov/netdevsim.ko"

    /// Makes a device with one port in the caller's network namespace.
    ///
    /// - Returns: the interface. It is found as the link that is new: sysfs shows the namespace of the process that mounted it, which need not be
    ///   the caller's.
    public static func create(id: UInt32, queues: Int) throws -> Link {
        let links = try Links()
        let before = Set(try links.list().map { $0.ifindex })
        try KernelFile.write("\(bus)/new_device", "\(id) 1 \(queues)")
        guard let link = try links.list().first(where: { !before.contains($0.ifindex) }) else {
            throw ScenarioFailure("netdevsim\(id) was made, and there is no new interface")
        }
        return link
    }

    /// Removes the device; returns when its interface is unregistered.
    public static func remove(id: UInt32) throws { try KernelFile.write("\(bus)/del_device", "\(id)") }

    /// Unbinds the driver from the device, which stays.
    static func unbindDriver(id: UInt32) throws { try KernelFile.write("\(bus)/drivers/netdevsim/unbind", "netdevsim\(id)") }

    /// Connects an interface of the caller's namespace with one of the namespace that process `pid` is in.
    static func link(_ ifindex: UInt32, toPeer peer: UInt32, ofProcess pid: Int32) throws {
        try link(ifindex, toPeer: peer, ofNamespace: "/proc/\(pid)/ns/net")
    }

    /// Connects an interface of the caller's namespace with one of the namespace whose file `path` is.
    public static func link(_ ifindex: UInt32, toPeer peer: UInt32, ofNamespace path: String) throws {
        func namespace(_ path: String) throws -> CInt {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw KernelError("open of \(path)", errno: Errno(rawValue: errno)) }
            return descriptor
        }
        let own = try namespace("/proc/thread-self/ns/net")
        defer { close(own) }
        let other = try namespace(path)
        defer { close(other) }
        try KernelFile.write("\(bus)/link_device", "\(own):\(ifindex) \(other):\(peer)")
    }

    public static func port(_ id: UInt32, _ file: String) -> String { "/sys/kernel/debug/netdevsim/netdevsim\(id)/ports/0/\(file)" }

    /// Holds a page of queue 0's pool, or returns it.
    static func holdPage(id: UInt32, _ hold: Bool) throws { try KernelFile.write(port(id, "pp_hold"), hold ? "y" : "n") }

    /// Restarts a queue in one of the four orders that netdevsim implements (`nsim_qreset_write()`).
    static func resetQueue(id: UInt32, queue: UInt32, mode: Int) throws {
        try KernelFile.write(port(id, "queue_reset"), "\(queue) \(mode)")
    }

    /// A queue operation of the driver (`struct netdev_queue_mgmt_ops`), which the patched netdevsim fails on request (debugfs `queue_fail`).
    enum QueueOperation: String, CaseIterable {
        case alloc, stop, start

        /// The errno of the failure.
        var errno: CInt {
            switch self {
            case .alloc: ENOBUFS
            case .stop: EBUSY
            case .start: EIO
            }
        }
    }

    /// Makes a queue operation fail.
    ///
    /// - Parameter call: which call from now on, counted from 1.
    /// - Throws: `ScenarioSkip` where netdevsim is not the patched one.
    static func fail(id: UInt32, _ operation: QueueOperation, call: Int) throws {
        let file = port(id, "queue_fail/\(operation.rawValue)")
        guard access(file, W_OK) == 0 else { throw ScenarioSkip("this netdevsim cannot fail its queue operations on request (no \(file))") }
        try KernelFile.write(file, "\(call)")
    }

    /// How many calls are left until the one that fails; 0 where it was made, or none was requested.
    static func callsToFailure(id: UInt32, of operation: QueueOperation) throws -> Int {
        let text = try KernelFile.read(port(id, "queue_fail/\(operation.rawValue)"))
        guard let count = Int(text.prefix { $0.isNumber }) else { throw ScenarioFailure("queue_fail/\(operation.rawValue) reads \"\(text)\"") }
        return count
    }

    /// Why netdevsim cannot serve as a NIC here; nil where it can. This binds a provider to a device made for the purpose.
    static func whyUnusable() -> String? {
        guard access("\(bus)/new_device", W_OK) == 0 else {
            return "there is no netdevsim (module not loaded, or CONFIG_NETDEVSIM not set)"
        }
        let id: UInt32 = 99
        do {
            let link = try create(id: id, queues: 1)
            defer { try? remove(id: id) }
            // The kernel binds only to a bus device with a DMA mask: without one it has no device to map for.
            var netdev = try Netdev()
            do {
                _ = try netdev.bindRX(ifindex: link.ifindex, dmabuf: -1, queues: [0])
            } catch {
                if error.code == EOPNOTSUPP {
                    return "this netdevsim accepts no memory provider (\(error)): it was built without the patches of ppiov"
                }
            }
            return nil
        } catch {
            return "netdevsim does not work: \(error)"
        }
    }
}

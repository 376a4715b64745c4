// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import SystemPackage

/// Fails one allocation, or one copy from or to user space, of the calling thread: `/proc/thread-self/fail-nth`
/// (Documentation/fault-injection/fault-injection.rst).
///
/// While the object exists, allocations that may sleep can fail too, and the kernel prints no report of an injected failure: a fault walk makes
/// hundreds. Other kernel messages are not affected.
final class FaultInjection {
    /// Slab allocations that are not failed: those made by a function, or by the functions that it calls.
    enum Sparing: String {
        /// Those of the DMA-API checker, which disables itself where an allocation fails, and then checks nothing any more.
        case dmaChecker = "add_dma_entry"
        /// `tcp_xa_pool_refill()`, which is inlined there: 7.3 allocates with GFP flags that may sleep while softirqs are disabled, where the
        /// first allocation without sleeping failed (docs/kernel-notes.md).
        case tokenRefill = "tcp_recvmsg_dmabuf"
        /// `netif_mp_close_rxq()` cannot handle a failed allocation, and warns (docs/kernel-notes.md).
        case queueClose = "netdev_rx_queue_reconfig"
    }

    /// The settings before, which are restored.
    private let settings: [(path: String, value: String)]
    private let file: CInt

    init(sparing: Sparing) throws {
        let root = "/sys/kernel/debug/"
        var values = [
            ("failslab/ignore-gfp-wait", "N"), ("failslab/verbose", "0"),
            ("fail_page_alloc/ignore-gfp-wait", "N"), ("fail_page_alloc/min-order", "0"), ("fail_page_alloc/verbose", "0"),
            ("fail_usercopy/verbose", "0"),
        ]
        guard access(root + "failslab/reject-start", W_OK) == 0 else {
            throw ScenarioSkip(
                "this kernel cannot exclude \(sparing.rawValue)() from fault injection (CONFIG_FAULT_INJECTION_STACKTRACE_FILTER): run with --profile debug"
            )
        }
        if let range = try Self.addresses(of: sparing.rawValue) {
            for kind in ["failslab", "fail_page_alloc"] {
                values.append((kind + "/reject-start", "0x" + String(range.lowerBound, radix: 16)))
                values.append((kind + "/reject-end", "0x" + String(range.upperBound, radix: 16)))
            }
        } else if sparing != .dmaChecker {
            throw ScenarioSkip("this kernel has no function \(sparing.rawValue)()")
        }
        settings = try values.map { name, _ in
            (root + name, String(try KernelFile.read(root + name).prefix { $0 != "\n" }))
        }
        for (name, value) in values { try KernelFile.write(root + name, value) }
        file = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC)
        guard file >= 0 else { throw KernelError("open of /proc/thread-self/fail-nth", errno: Errno(rawValue: errno)) }
        try Heap.reserve(8 << 20)
    }

    /// The addresses of a function's code; nil where the kernel has no function of that name. /proc/kallsyms lists the kernel's own symbols in the
    /// order of their addresses.
    private static func addresses(of function: String) throws -> Range<UInt64>? {
        let descriptor = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw KernelError("open of /proc/kallsyms", errno: Errno(rawValue: errno)) }
        defer { close(descriptor) }
        let name = Array(function.utf8)
        var chunk = [UInt8](repeating: 0, count: 65536)
        var line: [UInt8] = []
        var start: UInt64?
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { return nil }
            for byte in chunk[..<count] {
                guard byte == UInt8(ascii: "\n") else {
                    line.append(byte)
                    continue
                }
                // "ffffffff81000000 t name"
                defer { line.removeAll(keepingCapacity: true) }
                guard line.count > 19 else { continue }
                if let start {
                    guard let address = UInt64(String(decoding: line[..<16], as: UTF8.self), radix: 16), address > start else { continue }
                    return start..<address
                }
                if line.count == 19 + name.count, line[19...].elementsEqual(name) {
                    start = UInt64(String(decoding: line[..<16], as: UTF8.self), radix: 16)
                }
            }
        }
    }

    /// Restores the settings.
    func end() throws {
        for (path, value) in settings { try KernelFile.write(path, value) }
    }

    deinit { close(file) }

    /// Does `operation` with its `nth` allocation or copy failing.
    ///
    /// - Returns: whether a failure was injected; false where the operation makes fewer than `nth`.
    func fail(_ nth: Int, in operation: () -> Void) throws -> Bool {
        var text = Array("\(nth)\0".utf8)
        var answer = [UInt8](repeating: 0, count: 16)
        let disarm: [UInt8] = [UInt8(ascii: "0"), 0]
        guard pwrite(file, &text, text.count - 1, 0) == text.count - 1 else { throw failure("arming fail-nth") }
        operation()
        // A remaining count would fail an allocation of the next scenario, so it is disarmed. Of the read, only the copy to user space is counted.
        let count = pread(file, &answer, answer.count - 1, 0)
        let error = errno
        _ = pwrite(file, disarm, 1, 0)
        _ = pwrite(file, disarm, 1, 0)
        // The copy of the answer to user space can be failed too: then it is the first copy after the operation.
        if count < 0 && error == EFAULT { return false }
        guard count > 0 else { throw failure("reading fail-nth") }
        return answer.first == UInt8(ascii: "0")
    }

    private func failure(_ what: String) -> KernelError { KernelError(what, errno: Errno(rawValue: errno)) }
}

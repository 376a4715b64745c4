// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// A dma-buf made of a memfd's pages by `/dev/udmabuf`: device memory that the CPU can look into.
///
/// `close()` frees this process's descriptors and mapping; the pages live on while a binding holds the dma-buf.
public struct UserDMABuf: ~Copyable {
    private let memory: OwnedDescriptor
    private let dmabuf: OwnedDescriptor
    private let mapping: MappedMemory

    /// Whether the kernel offers udmabuf (CONFIG_UDMABUF, and /dev mounted).
    public static var isAvailable: Bool { access("/dev/udmabuf", R_OK | W_OK) == 0 }

    /// - Parameters:
    ///   - size: bytes, rounded up to whole pages (2 MiB pages where `hugePages`).
    ///   - hugePages: take them from the reserved 2 MiB pages, as net_iovs larger than a page demand.
    ///   - scattered: no page lies behind the one before it, so that a device sees as many pieces as there are pages. Else that is up to
    ///     how much memory in one piece the kernel has left.
    ///   - twice: the dma-buf has each page twice in a row, and so twice the length; at most 512 pages.
    /// - Throws: `ENOENT` without udmabuf; `ENOMEM`; `EINVAL` beyond `udmabuf.size_limit_mb`.
    public init(size: Int, hugePages: Bool = false, scattered: Bool = false, twice: Bool = false) throws(KernelError) {
        let unit = hugePages ? 2 << 20 : MappedMemory.pageSize
        let whole = max((size + unit - 1) / unit, 1) * unit
        let memory = OwnedDescriptor(
            taking: try check(ppiov_memfd("ppiov", UInt64(whole), hugePages), "making a memfd of \(whole) bytes"))
        let mapping: MappedMemory
        do throws(KernelError) {
            mapping = try MappedMemory(sharing: memory.rawValue, count: whole)
        } catch {
            memory.close()
            throw error
        }
        if scattered {
            // The kernel hands out memory in one direction: neighbours are made at different times.
            mapping.withUnsafeMutableBytes { bytes in
                for first in [unit, 0] {
                    for offset in stride(from: first, to: whole, by: 2 * unit) { bytes[offset] = 0 }
                }
            }
        }
        let made = twice ? ppiov_udmabuf_twice(memory.rawValue, UInt64(whole)) : ppiov_udmabuf(memory.rawValue, 0, UInt64(whole))
        guard made >= 0 else {
            mapping.unmap()
            memory.close()
            throw failure(made, "making a udmabuf of \(whole) bytes")
        }
        let dmabuf = OwnedDescriptor(taking: made)
        self.memory = memory
        self.dmabuf = dmabuf
        self.mapping = mapping
    }

    /// The dma-buf's descriptor, as bindings and areas take it.
    public var rawValue: CInt { dmabuf.rawValue }

    /// Bytes of memory, which is its length where no page is in it twice.
    public var count: Int { mapping.count }

    /// Copies bytes out, bracketed by `DMA_BUF_IOCTL_SYNC` so that they are what the device wrote.
    ///
    /// - Returns: nil where the range does not lie inside.
    public borrowing func bytes(at offset: UInt64, count: Int) throws(KernelError) -> [UInt8]? {
        try beginAccess(writing: false)
        let bytes = mapping.bytes(at: offset, count: count)
        try endAccess(writing: false)
        return bytes
    }

    /// Writes bytes, bracketed by `DMA_BUF_IOCTL_SYNC`.
    ///
    /// - Throws: `ERANGE` where the range does not lie inside.
    public borrowing func write(_ bytes: [UInt8], at offset: Int) throws(KernelError) {
        guard offset >= 0, bytes.count <= count, offset <= count - bytes.count else {
            throw KernelError("writing \(bytes.count) bytes at \(offset) of a dma-buf", errno: .outOfRange)
        }
        try beginAccess(writing: true)
        mapping.withUnsafeMutableBytes { $0[offset...].copyBytes(from: bytes) }
        try endAccess(writing: true)
    }

    /// Begins access by the CPU (`DMA_BUF_SYNC_START`).
    public borrowing func beginAccess(writing: Bool) throws(KernelError) {
        try check(ppiov_dmabuf_sync(rawValue, true, true, writing), "beginning CPU access to a dma-buf")
    }

    /// Ends access by the CPU (`DMA_BUF_SYNC_END`).
    public borrowing func endAccess(writing: Bool) throws(KernelError) {
        try check(ppiov_dmabuf_sync(rawValue, false, true, writing), "ending CPU access to a dma-buf")
    }

    /// Reads the pages in place. Bracket it with ``beginAccess(writing:)`` and ``endAccess(writing:)``.
    public borrowing func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try mapping.withUnsafeBytes(body)
    }

    /// Writes to the pages in place. Bracket it with ``beginAccess(writing:)`` and ``endAccess(writing:)``.
    public borrowing func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
        try mapping.withUnsafeMutableBytes(body)
    }

    /// Gives up descriptors and mapping.
    public consuming func close() {
        mapping.unmap()
        dmabuf.close()
        memory.close()
    }
}

// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// A dma-buf made of a memfd's pages by `/dev/udmabuf`: the CPU can read this device memory.
///
/// `close()` frees this process's descriptors and mapping; the pages stay allocated while a binding holds the dma-buf.
public struct UserDMABuf: ~Copyable {
    private let memory: OwnedDescriptor
    private let dmabuf: OwnedDescriptor
    private let mapping: MappedMemory

    /// Whether the kernel has udmabuf (CONFIG_UDMABUF, and /dev mounted).
    public static var isAvailable: Bool { access("/dev/udmabuf", R_OK | W_OK) == 0 }

    /// - Parameters:
    ///   - size: bytes, rounded up to whole pages (2 MiB pages where `hugePages`).
    ///   - hugePages: from the reserved 2 MiB pages, as net_iovs larger than a page require.
    ///   - scattered: no page is adjacent to the one before it, so that the scatter list has an entry for each page. Otherwise that depends on how
    ///     much contiguous memory the kernel has.
    ///   - twice: the dma-buf has each page twice in a row, and so twice the length; at most 512 pages.
    /// - Throws: `ENOENT` without udmabuf; `ENOMEM`; `EINVAL` above `udmabuf.size_limit_mb`.
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
            // The kernel allocates memory in one direction: so every second page is touched first.
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

    /// The dma-buf's descriptor, for bindings and areas.
    public var rawValue: CInt { dmabuf.rawValue }

    /// Bytes of memory. The dma-buf is twice as long where each page is in it twice.
    public var count: Int { mapping.count }

    /// Copies bytes out, between the two calls of `DMA_BUF_IOCTL_SYNC` that make the device's writes visible.
    ///
    /// - Returns: nil where the range is not inside the memory.
    public borrowing func bytes(at offset: UInt64, count: Int) throws(KernelError) -> [UInt8]? {
        try beginAccess(writing: false)
        let bytes = mapping.bytes(at: offset, count: count)
        try endAccess(writing: false)
        return bytes
    }

    /// Writes bytes, between the two calls of `DMA_BUF_IOCTL_SYNC`.
    ///
    /// - Throws: `ERANGE` where the range is not inside the memory.
    public borrowing func write(_ bytes: [UInt8], at offset: Int) throws(KernelError) {
        guard offset >= 0, bytes.count <= count, offset <= count - bytes.count else {
            throw KernelError("writing \(bytes.count) bytes at \(offset) of a dma-buf", errno: .outOfRange)
        }
        try beginAccess(writing: true)
        mapping.withUnsafeMutableBytes { $0[offset...].copyBytes(from: bytes) }
        try endAccess(writing: true)
    }

    /// Begins access of the CPU (`DMA_BUF_SYNC_START`).
    public borrowing func beginAccess(writing: Bool) throws(KernelError) {
        try check(ppiov_dmabuf_sync(rawValue, true, true, writing), "beginning CPU access to a dma-buf")
    }

    /// Ends access of the CPU (`DMA_BUF_SYNC_END`).
    public borrowing func endAccess(writing: Bool) throws(KernelError) {
        try check(ppiov_dmabuf_sync(rawValue, false, true, writing), "ending CPU access to a dma-buf")
    }

    /// Reads the pages in place. Call it between ``beginAccess(writing:)`` and ``endAccess(writing:)``.
    public borrowing func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try mapping.withUnsafeBytes(body)
    }

    /// Writes to the pages in place. Call it between ``beginAccess(writing:)`` and ``endAccess(writing:)``.
    public borrowing func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
        try mapping.withUnsafeMutableBytes(body)
    }

    /// Unmaps the memory and closes the descriptors.
    public consuming func close() {
        mapping.unmap()
        dmabuf.close()
        memory.close()
    }
}

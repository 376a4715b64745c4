// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// Page-aligned memory mapped into this process: a zero-copy area, a refill region, a memfd's pages.
///
/// `unmap()` unmaps it. When it is dropped it is unmapped too, and noted in ``DroppedHandles``.
public struct MappedMemory: ~Copyable {
    /// Where the memory begins.
    let base: UnsafeMutableRawPointer

    /// Its length in bytes, a multiple of the page size.
    public let count: Int

    init(adopting base: UnsafeMutableRawPointer, count: Int) {
        self.base = base
        self.count = count
    }

    /// The size of a page in bytes.
    public static var pageSize: Int { sysconf(CInt(_SC_PAGESIZE)) }

    /// Maps zeroed private memory.
    ///
    /// - Parameters:
    ///   - count: bytes, rounded up to whole pages (2 MiB pages where `hugePages`).
    ///   - hugePages: from the reserved 2 MiB pages, as receive buffers larger than a page require.
    /// - Throws: `ENOMEM` where there is no memory, or no reserved huge page (`vm.nr_hugepages`).
    public init(anonymous count: Int, hugePages: Bool = false) throws(KernelError) {
        let unit = hugePages ? 2 << 20 : Self.pageSize
        let size = max((count + unit - 1) / unit, 1) * unit
        let huge = hugePages ? PPIOV_MAP_HUGETLB_2MB : 0
        let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | huge, -1, 0)
        guard let address, address != MAP_FAILED else {
            throw lastError("mapping \(size) bytes\(hugePages ? " of huge pages" : "")")
        }
        self.init(adopting: address, count: size)
    }

    /// Maps the first `count` bytes of a file, shared.
    init(sharing fd: CInt, count: Int) throws(KernelError) {
        var address: UnsafeMutableRawPointer?
        try check(ppiov_map_shared(fd, count, &address), "mapping \(count) bytes of descriptor \(fd)")
        guard let address else { throw KernelError("mapping descriptor \(fd)", errno: .badAddress) }
        self.init(adopting: address, count: count)
    }

    /// The address as the kernel takes it in a registration.
    public var address: UInt64 { UInt64(UInt(bitPattern: base)) }

    /// Reads the memory. The kernel may write to it at the same time.
    public borrowing func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// Writes to the memory.
    public borrowing func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) rethrows -> R {
        try body(UnsafeMutableRawBufferPointer(start: base, count: count))
    }

    /// Copies bytes out.
    ///
    /// - Returns: nil where the range is not inside the memory, as an offset from the kernel may not be.
    public borrowing func bytes(at offset: UInt64, count length: Int) -> [UInt8]? {
        guard length >= 0, length <= count, offset <= UInt64(count - length) else { return nil }
        return [UInt8](UnsafeRawBufferPointer(start: base + Int(offset), count: length))
    }

    /// Unmaps the memory. Pages that the kernel has pinned stay allocated.
    public consuming func unmap() {
        munmap(base, count)
        discard self
    }

    deinit {
        DroppedHandles.note("\(count) bytes of mapped memory")
        munmap(base, count)
    }
}

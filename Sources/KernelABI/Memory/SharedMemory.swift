// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// Memory with a descriptor (a memfd), which another process can map too.
public struct SharedMemory: ~Copyable {
    private let memory: OwnedDescriptor
    private let mapping: MappedMemory

    /// - Parameter count: bytes, rounded up to whole pages.
    public init(count: Int) throws(KernelError) {
        let page = MappedMemory.pageSize
        let whole = max((count + page - 1) / page, 1) * page
        let made = try check(ppiov_memfd("ppiov", UInt64(whole), false), "making a memfd of \(whole) bytes")
        try self.init(adopting: OwnedDescriptor(taking: made), count: whole)
    }

    /// Maps the memory of another process; takes ownership of the descriptor.
    public init(adopting memory: consuming OwnedDescriptor, count: Int) throws(KernelError) {
        let mapping: MappedMemory
        do throws(KernelError) {
            mapping = try MappedMemory(sharing: memory.rawValue, count: count)
        } catch {
            memory.close()
            throw error
        }
        self.memory = memory
        self.mapping = mapping
    }

    /// The descriptor, for another process.
    public var rawValue: CInt { memory.rawValue }

    /// Its address in this process.
    public var address: UInt64 { mapping.address }

    /// Its length in bytes.
    public var count: Int { mapping.count }

    /// Reads the memory. The kernel may write to it at the same time.
    public borrowing func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try mapping.withUnsafeBytes(body)
    }

    /// Unmaps the memory and closes the descriptor.
    public consuming func close() {
        mapping.unmap()
        memory.close()
    }
}

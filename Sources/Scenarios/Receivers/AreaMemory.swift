// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// The memory of an area: ordinary, shared with another process, or a dma-buf. It stays mapped until it is closed.
final class AreaMemory {
    /// Pages of a small area: fewer than a queue posts (``Netdevsim/ringSize``), so that each poll takes buffers from the refill ring, a buffer that
    /// is reused while the user holds it is soon overwritten, and a lost one is soon missing.
    static let smallPages = 80
    /// Bytes of payload after which every net_iov of a small area was received into again.
    static let smallTurnover: UInt64 = 340_000

    private enum Memory: ~Copyable {
        case ordinary(MappedMemory)
        case shared(SharedMemory)
        case dmabuf(UserDMABuf)

        consuming func close() {
            switch consume self {
            case .ordinary(let memory): memory.unmap()
            case .shared(let memory): memory.close()
            case .dmabuf(let memory): memory.close()
            }
        }
    }

    /// The area as a registration names it.
    let registration: ZeroCopyReceive.Registration.Area
    /// Size in bytes.
    let count: Int
    /// The descriptor of shared memory or a dma-buf; -1 for ordinary memory.
    let descriptor: CInt
    private let base: UnsafeRawBufferPointer
    private var memory: Memory?

    /// Ordinary memory.
    ///
    /// - Parameter huge: of huge pages, which must have been reserved.
    init(pages: Int, huge: Bool = false) throws {
        let memory = try MappedMemory(anonymous: pages * ZeroCopyReceiver.pageBytes, hugePages: huge)
        registration = .memory(memory)
        count = memory.count
        descriptor = -1
        base = memory.withUnsafeBytes { $0 }
        self.memory = .ordinary(memory)
    }

    /// One huge page, which must have been reserved, mapped `times` times at consecutive addresses: little memory and many addresses.
    init(hugePage times: Int) throws {
        let memory = try MappedMemory(hugePage: times)
        registration = .memory(memory)
        count = memory.count
        descriptor = -1
        base = memory.withUnsafeBytes { $0 }
        self.memory = .ordinary(memory)
    }

    /// Memory with a descriptor; an importer's cannot be registered, only read.
    init(shared memory: consuming SharedMemory) {
        registration = ZeroCopyReceive.Registration.Area(address: memory.address, length: UInt64(memory.count))
        count = memory.count
        descriptor = memory.rawValue
        base = memory.withUnsafeBytes { $0 }
        self.memory = .shared(memory)
    }

    /// A dma-buf, read through its memfd's mapping (see `DevmemReceiver`).
    init(dmabuf memory: consuming UserDMABuf) {
        registration = .dmabuf(memory.rawValue, length: UInt64(memory.count))
        count = memory.count
        descriptor = memory.rawValue
        base = memory.withUnsafeBytes { $0 }
        self.memory = .dmabuf(memory)
    }

    /// A dma-buf of so many pages (udmabuf).
    convenience init(dmabufPages pages: Int) throws { self.init(dmabuf: try UserDMABuf(size: pages * MappedMemory.pageSize)) }

    /// The bytes at an offset; nil where the range is not inside. The kernel may write to them at the same time.
    func bytes(at offset: UInt64, count length: Int) -> UnsafeRawBufferPointer? {
        guard memory != nil, length <= count, offset <= UInt64(count - length) else { return nil }
        return UnsafeRawBufferPointer(rebasing: base[Int(offset)..<Int(offset) + length])
    }

    /// Unmaps and closes. A second call does nothing.
    func close() { memory.take()?.close() }

    deinit { close() }
}

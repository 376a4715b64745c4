// SPDX-License-Identifier: GPL-2.0

import Glibc
import Testing

@testable import KernelABI

struct HandleTests {
    @Test func descriptors() throws {
        let first = OwnedDescriptor(taking: open("/dev/null", O_RDONLY | O_CLOEXEC))
        let second = try first.duplicate()
        let numbers = (first.rawValue, second.rawValue)
        #expect(numbers.0 >= 0 && numbers.1 >= 0 && numbers.0 != numbers.1)
        first.close()
        let taken = second.take()
        #expect(fcntl(taken, F_GETFD) >= 0)
        close(taken)
    }

    @Test func memory() throws {
        let memory = try MappedMemory(anonymous: 5000)
        let size = memory.count
        #expect(size == 8192)
        memory.withUnsafeMutableBytes { $0[8191] = 7 }
        let inside = memory.bytes(at: 8190, count: 2)
        let outside = [
            memory.bytes(at: 8191, count: 2), memory.bytes(at: .max, count: 1), memory.bytes(at: 0, count: 8193),
            memory.bytes(at: 0, count: -1),
        ]
        #expect(inside == [0, 7] && outside.allSatisfy { $0 == nil })
        memory.unmap()
    }

    /// A dropped handle is closed, and counted.
    @Test func dropping() throws {
        let before = DroppedHandles.count
        do {
            let dropped = OwnedDescriptor(taking: open("/dev/null", O_RDONLY | O_CLOEXEC))
            _ = dropped.rawValue
        }
        #expect(DroppedHandles.count > before)
    }

    @Test(.enabled(if: UserDMABuf.isAvailable, "there is no /dev/udmabuf"))
    func userDMABuf() throws {
        let buffer = try UserDMABuf(size: 10_000)
        let size = buffer.count
        #expect(size == 12_288)
        try buffer.write([1, 2, 3], at: 4095)
        let read = try buffer.bytes(at: 4095, count: 4)
        #expect(read == [1, 2, 3, 0])
        let outside = try buffer.bytes(at: 12_287, count: 2)
        #expect(outside == nil)
        do {
            try buffer.write([1, 2], at: 12_287)
            Issue.record("a write after the end")
        } catch { #expect(error.code == ERANGE) }
        buffer.close()
    }

    @Test(.enabled(if: UserDMABuf.isAvailable, "there is no /dev/udmabuf"))
    func scatteredUserDMABuf() throws {
        let buffer = try UserDMABuf(size: 8 * MappedMemory.pageSize, scattered: true)
        try buffer.write([7], at: 5 * MappedMemory.pageSize)
        let read = try buffer.bytes(at: UInt64(5 * MappedMemory.pageSize), count: 2)
        #expect(read == [7, 0])
        buffer.close()
    }

    @Test(.enabled(if: !UserDMABuf.isAvailable, "there is a /dev/udmabuf"))
    func withoutUserDMABuf() {
        do {
            try UserDMABuf(size: 4096).close()
            Issue.record("a dma-buf without /dev/udmabuf")
        } catch { #expect(error.code == ENOENT || error.code == EACCES) }
    }

    /// devmem's socket calls on a plain connection: unknown tokens do not count.
    @Test func plainSocketsAndDeviceMemory() throws {
        let listener = try TCP.listen(on: Endpoint(.loopback4, port: 0))
        let client = try TCP.connect(to: TCP.localEndpoint(of: listener), timeoutMilliseconds: 2000)
        let server = try TCP.accept(listener, timeoutMilliseconds: 2000)
        let fd = server.rawValue
        let empty = #expect(throws: KernelError.self) { try DeviceMemory.receive(socket: fd) }
        #expect(empty?.code == EAGAIN)
        do {
            let known = try DeviceMemory.dontNeed([.init(start: 1, count: 3)], of: fd)
            #expect(known == 0)
            let many = [DeviceMemory.TokenRange](repeating: .init(start: 1), count: DeviceMemory.maximumRanges + 1)
            let tooMany = #expect(throws: KernelError.self) { try DeviceMemory.dontNeed(many, of: fd) }
            #expect(tooMany?.code == EINVAL)
        } catch {
            #expect(error.code == ENOPROTOOPT)
        }
        try DeviceMemory.enableZeroCopy(socket: fd)
        let completion = try DeviceMemory.sendCompletion(socket: fd)
        #expect(completion == nil)
        let unbound = #expect(throws: KernelError.self) {
            try DeviceMemory.send(socket: fd, dmabufID: 0x7fff_ffff, offset: 0, length: 100)
        }
        #expect(unbound != nil)
        try TCP.shutDown(client)
        try TCP.wait(server, for: .reading, timeoutMilliseconds: 2000)
        let end = try DeviceMemory.receive(socket: fd)
        #expect(end.count == 0 && end.fragments.isEmpty && !end.isTruncated)
        client.close()
        server.close()
        listener.close()
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import SystemPackage

/// A thread that returns buffers through the refill ring, and writes entries that the kernel must refuse before each.
final class BackgroundReturner {
    /// One socket of a pair: the thread reads the buffers from the other, and closes that when it ends.
    private let own: CInt
    private let thread: WorkerThread<Void>

    init(_ producer: ZeroCopyReceive.RefillProducer) throws {
        let (own, other) = try DescriptorPassing.pair()
        self.own = own
        do {
            thread = try Self.start(other, producer)
        } catch {
            close(own)
            close(other)
            throw error
        }
    }

    deinit { close(own) }

    /// Makes the thread return a buffer.
    func returnBuffer(_ offset: UInt64, _ length: UInt32) throws {
        var message = (offset, UInt64(length))
        let size = MemoryLayout.size(ofValue: message)
        guard write(own, &message, size) == size else {
            throw KernelError("writing to the returning thread", errno: Errno(rawValue: errno))
        }
    }

    /// Waits until the thread has returned every buffer; it waits only while the refill ring is full.
    func end(within seconds: Double) throws {
        shutdown(own, CInt(SHUT_WR))
        var entry = pollfd(fd: own, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, CInt(seconds * 1000)) > 0 else {
            throw ScenarioFailure("the kernel has not read all entries of the refill ring after \(seconds) s")
        }
        stop()
    }

    /// Ends the thread, also where buffers are left. A second call does nothing.
    func stop() {
        thread.requestStop()
        shutdown(own, CInt(SHUT_RDWR))
        thread.wait()
    }

    private static func start(_ socket: CInt, _ producer: ZeroCopyReceive.RefillProducer) throws -> WorkerThread<Void> {
        try WorkerThread("returner") { stop in
            returnBuffers(from: socket, to: producer, until: stop)
            close(socket)
        }
    }

    private static func returnBuffers(from socket: CInt, to producer: ZeroCopyReceive.RefillProducer, until stop: StopRequest) {
        var producer = producer
        func put(_ offset: UInt64, _ length: UInt32, padding: UInt32) {
            while !producer.put(offset: offset, length: length, padding: padding), !stop.isRequested { sched_yield() }
        }
        var message: (UInt64, UInt64) = (0, 0)
        var count: UInt64 = 0
        while read(socket, &message, MemoryLayout.size(ofValue: message)) == MemoryLayout.size(ofValue: message) {
            for bad in 0..<3 as Range<UInt64> {
                count += 1
                put(message.0 | (count % 0xfffe + 1) << 48, UInt32(bad), padding: bad == 0 ? 1 : 0)
            }
            put(message.0, UInt32(message.1), padding: 0)
        }
    }
}

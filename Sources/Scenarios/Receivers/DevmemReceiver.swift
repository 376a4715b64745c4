// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results
import SystemPackage

/// A receiver over devmem TCP: a udmabuf that is bound to a queue, and the record of what was received through it.
final class DevmemReceiver {
    private var netdev: Netdev?
    private var buffer: UserDMABuf?
    /// The id of the binding.
    private(set) var binding: UInt32 = 0
    private let pattern: PayloadPattern
    /// Fragments delivered whose tokens were not returned.
    private(set) var held: [(fragment: DeviceMemory.Fragment, start: UInt64)] = []
    /// Different net_iovs among them.
    var heldNetIovs: Int { Set(held.map { $0.fragment.offset / UInt64(netIovBytes) }).count }
    private let netIovBytes: Int
    private(set) var received: UInt64 = 0
    /// Where the current stream began, in bytes received.
    private var streamStart: UInt64 = 0
    private var linear: UInt64 = 0
    private var firstMismatch: UInt64?

    /// Binds a dma-buf of `pages` pages to a queue.
    ///
    /// - Parameter netIovBytes: of each net_iov; where that is more than a page, the dma-buf is of huge pages, which must have been reserved.
    init(ifindex: UInt32, queue: UInt32, pages: Int, netIovBytes: Int = MappedMemory.pageSize, pattern: PayloadPattern) throws {
        self.pattern = pattern
        self.netIovBytes = netIovBytes
        let isLarge = netIovBytes > MappedMemory.pageSize
        let memory = try UserDMABuf(size: pages * MappedMemory.pageSize, hugePages: isLarge)
        do throws(KernelError) {
            var netdev = try Netdev()
            do throws(KernelError) {
                binding = try netdev.bindRX(ifindex: ifindex, dmabuf: memory.rawValue, queues: [queue], pageSize: isLarge ? UInt32(netIovBytes) : nil)
            } catch {
                netdev.close()
                throw error
            }
            self.netdev = consume netdev
        } catch {
            memory.close()
            throw error
        }
        buffer = consume memory
    }

    /// Binds as a step of `run`, to `bed`'s queue; unbound when the run is over.
    static func make(_ run: ScenarioRun, bed: any TestBed, pages: Int = 512, pattern: PayloadPattern) throws -> DevmemReceiver {
        let receiver = try run.step("dma-buf of \(pages) pages bound to \(bed.interface) queue \(bed.queue)") {
            try DevmemReceiver(ifindex: bed.ifindex, queue: bed.queue, pages: pages, pattern: pattern)
        }
        run.cleanUp("unbound, dma-buf closed") { receiver.close() }
        try run.userBound()
        return receiver
    }

    deinit { close() }

    /// Receives until `total` bytes of the stream are received, and checks each.
    ///
    /// - Parameters:
    ///   - hold: the user holds the tokens; otherwise they are returned at once.
    ///   - seconds: the longest wait for more.
    func receive(from socket: CInt, total: UInt64, hold: Bool, within seconds: Double) throws {
        try receive(from: socket, total: total, hold: hold, limits: .init(), within: seconds)
    }

    /// The same, with limits for each receive.
    func receive(
        from socket: CInt, total: UInt64, hold: Bool, limits: DeviceMemory.Limits, within seconds: Double
    ) throws {
        var deadline = Deadline(seconds: seconds)
        while received < total {
            guard !deadline.hasPassed else { throw ScenarioFailure("\(received) of \(total) bytes received, and nothing more within \(seconds) s") }
            guard let batch = try next(socket, limits: limits) else {
                try Readiness.wait(socket, milliseconds: deadline.remaining)
                continue
            }
            guard batch.count > 0 else { throw ScenarioFailure("the stream ended after \(received) bytes") }
            deadline = Deadline(seconds: seconds)
            guard !batch.isTruncated else { throw ScenarioFailure("control messages of the socket were truncated") }
            for fragment in batch.fragments {
                if hold && !fragment.isLinear { held.append((fragment, received &- streamStart)) }
                try check(fragment, batch.linear)
            }
            if !hold {
                try returnBuffers(batch.fragments.filter { !$0.isLinear }, to: socket)
            }
        }
        if let firstMismatch { throw ScenarioFailure("the byte at offset \(firstMismatch) is not the one sent") }
    }

    /// Checks every held fragment again: it must be unchanged while the user holds it.
    func recheckHeld() throws {
        for (fragment, start) in held {
            let wrong = try bytes(at: fragment.offset, count: Int(fragment.size))?.withUnsafeBytes { pattern.mismatch($0, at: start) }
            if let wrong {
                throw ScenarioFailure(
                    "the fragment at \(fragment.offset) of the dma-buf was overwritten while the user held it (stream offset \(wrong))")
            }
        }
    }

    /// One receive without waiting; nil where nothing is unread.
    func next(_ socket: CInt, limits: DeviceMemory.Limits = .init()) throws(KernelError) -> DeviceMemory.Received? {
        do {
            return try DeviceMemory.receive(socket: socket, limits: limits)
        } catch {
            if error.errno == .wouldBlock { return nil }
            throw error
        }
    }

    private func check(_ fragment: DeviceMemory.Fragment, _ copied: [UInt8]) throws {
        let start = received &- streamStart
        let wrong: UInt64?
        if fragment.isLinear {
            linear += UInt64(fragment.size)
            wrong = copied.withUnsafeBytes { bytes in
                let first = Int(fragment.offset)
                return pattern.mismatch(UnsafeRawBufferPointer(rebasing: bytes[first..<first + Int(fragment.size)]), at: start)
            }
        } else {
            guard fragment.dmabufID == binding else {
                throw ScenarioFailure("a fragment of binding \(fragment.dmabufID) was received, the receiver's is \(binding)")
            }
            guard let bytes = try bytes(at: fragment.offset, count: Int(fragment.size)) else {
                throw ScenarioFailure("the kernel delivered \(fragment.size) bytes at \(fragment.offset), outside the dma-buf")
            }
            wrong = bytes.withUnsafeBytes { pattern.mismatch($0, at: start) }
        }
        firstMismatch = firstMismatch ?? wrong
        received += UInt64(fragment.size)
    }

    /// Bytes of the dma-buf; nil where the range is not inside.
    ///
    /// Read through the memfd's own mapping, without `DMA_BUF_IOCTL_SYNC`: the pages are ordinary and coherent, and udmabuf maps
    /// them at that call for a device of its own whose segment limit was never raised. The DMA-API checker reports that once, and then reports nothing
    /// else.
    func bytes(at offset: UInt64, count: Int) throws -> [UInt8]? {
        guard let memory = buffer.take() else { throw ScenarioFailure("the dma-buf is closed") }
        let bytes: [UInt8]? = memory.withUnsafeBytes { all in
            guard count <= all.count, offset <= UInt64(all.count - count) else { return nil }
            return Array(all[Int(offset)..<Int(offset) + count])
        }
        buffer = consume memory
        return bytes
    }

    private func returnBuffers(_ fragments: [DeviceMemory.Fragment], to socket: CInt) throws {
        let taken = try DeviceMemory.dontNeed(fragments, of: socket)
        guard taken == fragments.count else {
            throw ScenarioFailure("the kernel took \(taken) of \(fragments.count) tokens returned")
        }
    }

    /// The next stream begins, and with it the pattern.
    func beginStream() { streamStart = received }

    /// Continues at that offset of the stream, up to which another reader has read.
    func continueStream(at offset: UInt64) { streamStart = received &- offset }

    /// Removes held fragments whose tokens were returned in another way.
    func dropHeld(where isReturned: (DeviceMemory.Fragment) -> Bool) { held.removeAll { isReturned($0.fragment) } }

    /// Returns every held fragment.
    func returnAll(to socket: CInt) throws {
        try returnBuffers(held.map { $0.fragment }, to: socket)
        held = []
    }

    /// What was received, compared with what was sent.
    func payload(sent: UInt64, complete: Bool) -> PayloadRecord {
        PayloadRecord(
            sent: sent, received: received, zeroCopy: received - linear, copied: linear, firstMismatch: firstMismatch, complete: complete)
    }

    /// Closes the netlink socket, which unbinds. A second call does nothing.
    func unbind() { netdev.take()?.close() }

    /// Unbinds, and closes the dma-buf. A second call does nothing.
    func close() {
        unbind()
        buffer.take()?.close()
    }
}

// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// A zcrx queue whose requests the scenario submits one by one, so that one of them can fail.
final class RequestStream {
    private struct Parts: ~Copyable {
        let ring: ZeroCopyReceive.Ring
        var queue: ZeroCopyReceive.InterfaceQueue
        let area: MappedMemory

        consuming func close() {
            queue.close()
            ring.close()
            area.unmap()
        }
    }

    private static let pages = 512
    private var parts: Parts?

    /// - Parameter noted: the registration is a step of `run`; false where it is one of many.
    init(_ run: ScenarioRun, _ bed: any TestBed, noted: Bool = true) throws {
        let area = try MappedMemory(anonymous: (noted ? Self.pages : 32) * MappedMemory.pageSize)
        do throws(KernelError) {
            let ring = try ZeroCopyReceive.Ring()
            do throws(KernelError) {
                let queue = try ring.register(.init(ifindex: bed.ifindex, queue: bed.queue, area: .memory(area)))
                parts = Parts(ring: ring, queue: queue, area: area)
            } catch {
                ring.close()
                throw error
            }
        } catch {
            area.unmap()
            throw error
        }
        if noted {
            run.cleanUp("ring closed") { self.close() }
            try run.step("zcrx registered on \(bed.interface) queue \(bed.queue)") { try run.userBound() }
        }
    }

    private func with<Value: ~Copyable>(_ body: (inout Parts) throws -> Value) throws -> Value {
        guard var all = parts.take() else { throw ScenarioFailure("the ring is closed") }
        do {
            let value = try body(&all)
            parts = consume all
            return value
        } catch {
            parts = consume all
            throw error
        }
    }

    func export() throws -> OwnedDescriptor { try with { try $0.ring.export(queue: $0.queue.id) } }

    func addArea(_ area: ZeroCopyReceive.Registration.Area) throws {
        try with { _ = try $0.ring.addArea(area, queue: $0.queue.id) }
    }

    /// Receives `bytes` that `send` sends. The attempt of the turn is the submission of a request, the first of a new ring, while no byte is unread,
    /// so that the kernel must allocate the request and its poll. A second request, of the ring of the queue, receives the bytes that the first
    /// does not deliver.
    func receive(
        _ turn: FaultWalk.Turn, from socket: CInt, _ bytes: Int, _ pattern: PayloadPattern, within seconds: Double, send: () throws -> Void
    ) throws {
        let deadline = Deadline(seconds: seconds)
        var got = 0
        let exported = try export()
        let descriptor = exported.rawValue
        let outcome = Result {
            let ring = try ZeroCopyReceive.Ring(entries: 8, completionEntries: 64)
            let first = Result {
                try firstRequest(turn, of: ring, descriptor, from: socket, bytes, pattern, &got, until: deadline, send: send)
            }
            ring.close()
            try first.get()
        }
        exported.close()
        try outcome.get()
        while got < bytes {
            let rest = UInt32(bytes - got)
            try with { try $0.ring.receive(socket: socket, queue: $0.queue.id, length: rest, userData: 2) }
            var live = true
            while live {
                guard !deadline.hasPassed else { throw ScenarioFailure("\(got) of \(bytes) bytes received by both requests") }
                guard let completion = try with({ try $0.ring.wait(timeoutMilliseconds: 500) }) else { continue }
                if let error = completion.error { throw error }
                try take(completion, pattern, &got, &live)
            }
        }
    }

    private func firstRequest(
        _ turn: FaultWalk.Turn, of ring: borrowing ZeroCopyReceive.Ring, _ exported: CInt, from socket: CInt, _ bytes: Int,
        _ pattern: PayloadPattern, _ got: inout Int, until deadline: Deadline, send: () throws -> Void
    ) throws {
        let queue = try ring.importQueue(exported).id
        var live = try turn.attempt { try ring.receive(socket: socket, queue: queue, length: UInt32(bytes), userData: 1) }
        try send()
        while live {
            guard !deadline.hasPassed else { throw ScenarioFailure("\(got) of \(bytes) bytes received, and the request has not ended") }
            guard let completion = try ring.wait(timeoutMilliseconds: 500) else { continue }
            if let error = completion.error { turn.failed(error) }
            try take(completion, pattern, &got, &live)
        }
    }

    private func take(
        _ completion: ZeroCopyReceive.Completion, _ pattern: PayloadPattern, _ got: inout Int, _ live: inout Bool
    ) throws {
        if !completion.more { live = false }
        guard completion.isData, let offset = completion.offset, let place = completion.areaOffset else { return }
        let length = Int(completion.result)
        let start = UInt64(got)
        let wrong = try with { parts -> UInt64? in
            guard place + UInt64(length) <= UInt64(parts.area.count) else {
                throw ScenarioFailure("the kernel delivered \(length) bytes at \(place), outside the area")
            }
            let wrong = parts.area.withUnsafeBytes { all in
                pattern.mismatch(UnsafeRawBufferPointer(rebasing: all[Int(place)..<Int(place) + length]), at: start)
            }
            guard parts.queue.returnBuffer(offset: offset, length: UInt32(length)) else { throw ScenarioFailure("the refill ring is full") }
            return wrong
        }
        if let wrong { throw ScenarioFailure("the byte at offset \(wrong) is not the one sent") }
        got += length
    }

    /// Closes the ring, which ends the queue. A second call does nothing.
    func close() { parts.take()?.close() }

    deinit { close() }
}

/// A devmem binding whose receives the scenario makes one by one.
final class TokenStream {
    private var netdev: Netdev?
    private var memory: UserDMABuf?
    private var binding: UInt32 = 0

    init(_ run: ScenarioRun, _ bed: any TestBed) throws {
        let buffer = try UserDMABuf(size: 512 * MappedMemory.pageSize)
        var socket = try Netdev()
        do {
            binding = try socket.bindRX(ifindex: bed.ifindex, dmabuf: buffer.rawValue, queues: [bed.queue])
        } catch {
            socket.close()
            buffer.close()
            throw error
        }
        netdev = consume socket
        memory = consume buffer
        run.cleanUp("unbound, dma-buf closed") {
            self.unbind()
            self.memory.take()?.close()
        }
        try run.step("dma-buf bound to \(bed.interface) queue \(bed.queue)") { try run.userBound() }
    }

    func next(_ socket: CInt) throws -> DeviceMemory.Received {
        try DeviceMemory.receive(socket: socket, limits: .init(bytes: 16_384, fragments: 64))
    }

    /// Compares a batch with the pattern from offset `got`, and appends its fragments with tokens to `fragments`.
    func check(
        _ batch: DeviceMemory.Received, _ pattern: PayloadPattern, _ got: inout UInt64, _ fragments: inout [DeviceMemory.Fragment]
    ) throws {
        guard batch.count > 0 else { throw ScenarioFailure("the stream ended after \(got) bytes") }
        guard !batch.isTruncated else { throw ScenarioFailure("the control messages of the socket are truncated") }
        guard let buffer = memory.take() else { throw ScenarioFailure("the dma-buf is closed") }
        var wrong: UInt64?
        for fragment in batch.fragments {
            let start = got
            let range = Int(fragment.offset)..<Int(fragment.offset) + Int(fragment.size)
            let found: UInt64?
            if fragment.isLinear {
                found = batch.linear.withUnsafeBytes { pattern.mismatch(UnsafeRawBufferPointer(rebasing: $0[range]), at: start) }
            } else if fragment.dmabufID == binding && range.upperBound <= buffer.count {
                // See DevmemReceiver about reading without DMA_BUF_IOCTL_SYNC.
                found = buffer.withUnsafeBytes { pattern.mismatch(UnsafeRawBufferPointer(rebasing: $0[range]), at: start) }
                fragments.append(fragment)
            } else {
                found = start
            }
            wrong = wrong ?? found
            got += UInt64(fragment.size)
        }
        memory = consume buffer
        if let wrong { throw ScenarioFailure("the byte at offset \(wrong) is not the one sent") }
    }

    /// Closes the netlink socket. A second call does nothing.
    func unbind() { netdev.take()?.close() }
}

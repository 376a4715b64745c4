// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A dma-buf that is bound for sending (bind-tx), and the record of what was sent from it over one socket.
final class Transmitter {
    private var netdev: Netdev?
    private var memory: UserDMABuf?
    /// The id of the binding, which each send names.
    private(set) var binding: UInt32 = 0
    /// Bytes of the dma-buf.
    let size: Int
    /// Bytes that the socket accepted.
    private(set) var sent: UInt64 = 0
    private var sends: UInt32 = 0
    private var completed: UInt32 = 0
    /// Sends that the kernel copied.
    private(set) var copied: UInt32 = 0
    /// Sends that are not completed.
    var outstanding: UInt32 { sends - completed }

    init(ifindex: UInt32, pages: Int) throws(KernelError) {
        let buffer = try UserDMABuf(size: pages * MappedMemory.pageSize)
        size = buffer.count
        let socket: Netdev
        do throws(KernelError) {
            socket = try Netdev()
        } catch {
            buffer.close()
            throw error
        }
        memory = consume buffer
        netdev = consume socket
        do throws(KernelError) {
            binding = try bind(ifindex)
        } catch {
            unbind()
            release()
            throw error
        }
    }

    private func bind(_ ifindex: UInt32) throws(KernelError) -> UInt32 {
        guard var socket = netdev.take(), let buffer = memory.take() else { throw KernelError("bind-tx", code: EBADF) }
        let descriptor = buffer.rawValue
        memory = consume buffer
        do throws(KernelError) {
            let id = try socket.bindTX(ifindex: ifindex, dmabuf: descriptor)
            netdev = consume socket
            return id
        } catch {
            netdev = consume socket
            throw error
        }
    }

    /// Binds as a step of `run`; unbound when the run is over.
    static func make(_ run: ScenarioRun, bed: any TestBed, pages: Int) throws -> Transmitter {
        let made = try run.step("dma-buf of \(pages) pages bound to \(bed.interface) for sending") { () throws -> Transmitter in
            do throws(KernelError) {
                return try Transmitter(ifindex: bed.ifindex, pages: pages)
            } catch {
                // Hardware need not send net_iovs, and a kernel before 6.16 does not have the request; the netdevsim of the harness does.
                if error.code == EOPNOTSUPP, error.message == nil || run.environment.tier(run.scenario.tier) == .hardware {
                    throw ScenarioSkip("\(bed.interface) cannot send net_iovs: \(error)")
                }
                throw error
            }
        }
        run.cleanUp("unbound, dma-buf closed") {
            made.unbind()
            made.release()
        }
        try run.userBound()
        return made
    }

    /// Writes `count` bytes of the pattern, from `start` on, to `offset` of the dma-buf.
    ///
    /// Written through the memfd's own mapping, without `DMA_BUF_IOCTL_SYNC`: see DevmemReceiver.
    func put(_ pattern: PayloadPattern, from start: UInt64, at offset: Int, count: Int) throws {
        guard let buffer = memory.take() else { throw ScenarioFailure("the dma-buf is closed") }
        let inside = offset >= 0 && count <= buffer.count && offset <= buffer.count - count
        if inside {
            buffer.withUnsafeMutableBytes { pattern.fill(UnsafeMutableRawBufferPointer(rebasing: $0[offset..<offset + count]), from: start) }
        }
        memory = consume buffer
        guard inside else { throw ScenarioFailure("\(count) bytes at \(offset) are not inside the dma-buf") }
    }

    /// One sendmsg(2).
    ///
    /// - Parameters:
    ///   - pieces: ranges of the dma-buf, sent one after the other.
    ///   - other: the transmitter whose dma-buf is sent; nil for this one's. The bytes are counted here in both cases.
    ///   - more: the next send may share a packet with it.
    /// - Returns: the bytes that the socket accepted; nil where its send buffer is full.
    func send(_ socket: CInt, _ pieces: [DeviceMemory.SendRange], of other: Transmitter? = nil, more: Bool = false) throws -> Int? {
        do throws(KernelError) {
            let taken = try DeviceMemory.send(socket: socket, dmabufID: (other ?? self).binding, ranges: pieces, more: more)
            sends += 1
            sent += UInt64(taken)
            return taken
        } catch {
            if error.code == EAGAIN { return nil }
            throw error
        }
    }

    /// Sends all of a range; waits while the send buffer is full.
    ///
    /// - Returns: how many calls it took.
    @discardableResult
    func sendAll(
        _ socket: CInt, at offset: Int, count: Int, of other: Transmitter? = nil, more: Bool = false, within seconds: Double
    ) throws -> Int {
        try sendAll(socket, [.init(offset: UInt64(offset), length: count)], of: other, more: more, within: seconds)
    }

    /// Sends all of several ranges, one after the other, in one call where they fit into the send buffer.
    ///
    /// - Returns: how many calls it took.
    @discardableResult
    func sendAll(
        _ socket: CInt, _ pieces: [DeviceMemory.SendRange], of other: Transmitter? = nil, more: Bool = false, within seconds: Double
    ) throws -> Int {
        let deadline = Deadline(seconds: seconds)
        // The kernel refuses empty ranges.
        var left = pieces.filter { $0.length > 0 }[...]
        var calls = 0
        while !left.isEmpty {
            guard !deadline.hasPassed else {
                throw ScenarioFailure("\(left.reduce(0) { $0 + $1.length }) bytes were not sent within \(seconds) s")
            }
            if var taken = try send(socket, Array(left), of: other, more: more) {
                while let first = left.first, taken >= first.length {
                    taken -= first.length
                    left.removeFirst()
                }
                if taken > 0, let first = left.popFirst() {
                    left = [.init(offset: first.offset + UInt64(taken), length: first.length - taken)] + left
                }
                calls += 1
            } else {
                // Completions make poll(2) return at once, so they are read first.
                try takeCompletions(socket)
                try wait(socket, events: Int16(POLLOUT), milliseconds: 50)
            }
        }
        return calls
    }

    /// Reads the completions that are queued.
    func takeCompletions(_ socket: CInt) throws {
        while let completion = try DeviceMemory.sendCompletion(socket: socket) {
            let range = completion.sends
            guard range.lowerBound == completed, range.upperBound < sends else {
                throw ScenarioFailure("sends \(range) completed after \(completed) of \(sends)")
            }
            completed = range.upperBound + 1
            if completion.copied { copied += UInt32(range.count) }
        }
    }

    /// Waits until every send is completed: the stack has released every net_iov of this socket.
    func awaitCompletions(_ socket: CInt, within seconds: Double) throws {
        let deadline = Deadline(seconds: seconds)
        try takeCompletions(socket)
        while outstanding > 0 {
            guard !deadline.hasPassed else { throw ScenarioFailure("\(outstanding) of \(sends) sends are not completed after \(seconds) s") }
            try wait(socket, events: 0, milliseconds: 50)
            try takeCompletions(socket)
        }
    }

    private func wait(_ socket: CInt, events: Int16, milliseconds: CInt) throws {
        var entry = pollfd(fd: socket, events: events, revents: 0)
        if poll(&entry, 1, milliseconds) < 0 && errno != EINTR { throw ScenarioFailure("poll failed with errno \(errno)") }
    }

    /// Closes the netlink socket, which unbinds. A second call does nothing.
    func unbind() { netdev.take()?.close() }

    /// Closes the dma-buf. A second call does nothing.
    func release() { memory.take()?.close() }
}

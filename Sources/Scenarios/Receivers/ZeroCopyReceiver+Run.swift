// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// The receiver as a part of a scenario.
extension ZeroCopyReceiver {
    /// Registers as a step of `run`, on `bed`'s queue or, where that is nil, without a device; closed when the run is over.
    static func make(
        _ run: ScenarioRun, bed: (any TestBed)?, pages: Int = 512, bufferPages: Int = 1, refillEntries: UInt32 = 4096, completions: UInt32? = nil,
        setup: ZeroCopyReceive.Ring.Setup = .zeroCopyReceive, pattern: PayloadPattern, area: AreaMemory? = nil, first: UInt32? = nil,
        configure: (inout ZeroCopyReceive.Registration) -> Void = { _ in }
    ) throws -> ZeroCopyReceiver {
        let location = bed.map { "on \($0.interface) queue \($0.queue)" + (first.map { ", after queue \($0)" } ?? "") } ?? "without a device"
        let length = bufferPages * pageBytes
        let receiver = try run.step("zcrx registered \(location), \(pages) net_iovs" + (bufferPages > 1 ? " of \(length >> 10) KiB" : "")) {
            do {
                return try ZeroCopyReceiver(
                    at: bed.map { Place(ifindex: $0.ifindex, queue: $0.queue) }, pages: pages,
                    statistics: run.environment.lacks(.zcrxStatistics) == nil, refillEntries: refillEntries, completions: completions, setup: setup,
                    pattern: pattern, area: area, first: bed.flatMap { bed in first.map { Place(ifindex: bed.ifindex, queue: $0) } }
                ) {
                    if bufferPages > 1 { $0.bufferLength = UInt32(length) }
                    configure(&$0)
                }
            } catch let error as KernelError where bufferPages > 1 && error.code == EOPNOTSUPP {
                throw ScenarioSkip.noLargeBuffers
            }
        }
        run.cleanUp("zcrx closed") { receiver.close() }
        for _ in 0..<(first == nil ? 1 : 2) { try run.userBound() }
        return receiver
    }

    /// Receives over a connection of its own, holds all, and closes first the socket, then the ring.
    func receiveAndEndHolding(_ run: ScenarioRun, _ bed: any TestBed, _ pattern: PayloadPattern, bytes: UInt64) throws {
        let socket = try bed.connect(run)
        try run.step("\(bytes) bytes received and held") {
            try bed.peer.send(pattern, bytes: bytes)
            try receive(from: socket.rawValue, total: bytes, hold: true, within: run.timeout(20))
            try recheckHeld()
        }
        try run.userHolds(heldNetIovs)
        run.payload = try payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
        try run.pools.observe()
        socket.close()
        try run.userEnds()
        try run.step("ring closed with \(held.count) deliveries held") { close() }
    }

    /// Closes the ring and returns when the kernel has freed it: it closes interface queues after close(2) has returned (`io_ring_exit_work()`), and the
    /// ring's files last.
    func closeWholly(within seconds: Double) throws {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw ScenarioFailure("pipe failed with errno \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { Glibc.close(ends[0]) }
        let held = Result { try with { try $0.ring.hold(ends[1]) } }
        Glibc.close(ends[1])
        try held.get()
        close()
        var entry = pollfd(fd: ends[0], events: 0, revents: 0)
        let deadline = Deadline(seconds: seconds)
        while entry.revents & Int16(POLLHUP) == 0 {
            guard !deadline.hasPassed else { throw ScenarioFailure("the kernel has not freed the closed ring within \(seconds) s") }
            if poll(&entry, 1, 100) < 0 && errno != EINTR { throw ScenarioFailure("poll failed with errno \(errno)") }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// A thread that reads the packets that the kernel hands to user space, and notes what it got of the segments to ``Connection/port``.
final class PacketReader {
    private let thread: WorkerThread<SeenSegments>

    private init(_ thread: WorkerThread<SeenSegments>) { self.thread = thread }

    /// Reads the frames of an interface with a packet socket; it ends when the run is over at the latest.
    static func start(_ run: ScenarioRun, on ifindex: UInt32) throws -> PacketReader {
        try started(run, "a packet socket reads ifindex \(ifindex)") {
            let socket = try PacketSocket(ifindex: ifindex)
            return try WorkerThread("frame reader") { stop in
                var seen = SeenSegments(port: Connection.port)
                while true {
                    if let frame = try socket.receive(timeoutMilliseconds: pause) {
                        seen.note(frame: frame)
                    } else if stop.isRequested {
                        return seen
                    }
                }
            }
        }
    }

    /// Reads a queue of packets, and lets each continue.
    ///
    /// - Parameter segments: the reader takes packets that are to be segmented.
    static func start(_ run: ScenarioRun, queue number: UInt16, segments: Bool) throws -> PacketReader {
        try started(run, "a reader of queue \(number)\(segments ? "" : ", for which the kernel segments packets")") {
            try startQueue(number, segments: segments)
        }
    }

    /// Reads a log group.
    static func start(_ run: ScenarioRun, log group: UInt16) throws -> PacketReader {
        try started(run, "a reader of log group \(group)") { try startLog(group) }
    }

    /// What the reader has got; it ends.
    func finish() throws -> SeenSegments {
        thread.requestStop()
        return try thread.join()
    }

    /// Ends the reader. It has got segments with payload, and of those not more than the headers.
    func expectHeaders(_ run: ScenarioRun) throws {
        let seen = try run.step("the reader ended") { try finish() }
        try run.expect(seen.segments > 0, "the reader has got segments with payload", "none of the stream")
        try run.expect(seen.exposed == nil, "the reader has got nothing of the payload", seen.exposed ?? "")
    }

    /// Milliseconds after which a thread looks whether it is to end.
    private static let pause: CInt = 20

    private static func started(_ run: ScenarioRun, _ what: String, _ start: () throws -> WorkerThread<SeenSegments>) throws -> PacketReader {
        let thread = try run.step(what, start)
        run.cleanUp("reader ended") {
            thread.requestStop()
            thread.wait()
        }
        return PacketReader(thread)
    }

    private static func startQueue(_ number: UInt16, segments: Bool) throws -> WorkerThread<SeenSegments> {
        let ready = Semaphore()
        let thread = try WorkerThread("queue reader") { stop in
            defer { ready.signal() }
            let queue = try PacketQueue(number, segments: segments)
            ready.signal()
            var seen = SeenSegments(port: Connection.port)
            while true {
                let packets = try queue.next(timeoutMilliseconds: pause)
                for packet in packets {
                    seen.note(datagram: packet.bytes[...])
                    try queue.accept(packet)
                }
                if packets.isEmpty, stop.isRequested { return seen }
            }
        }
        ready.wait()
        return thread
    }

    private static func startLog(_ group: UInt16) throws -> WorkerThread<SeenSegments> {
        let ready = Semaphore()
        let thread = try WorkerThread("log reader") { stop in
            defer { ready.signal() }
            let log = try PacketLog(group)
            ready.signal()
            var seen = SeenSegments(port: Connection.port)
            while true {
                let packets = try log.next(timeoutMilliseconds: pause)
                for packet in packets { seen.note(datagram: packet.bytes[...]) }
                if packets.isEmpty, stop.isRequested { return seen }
            }
        }
        ready.wait()
        return thread
    }
}

// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// Sends one frame over and over from a thread of its own, so that the peer can perform other commands meanwhile.
final class Flood {
    private let thread: WorkerThread<Int>

    /// Returns when the flood has begun: the first frames are sent.
    init(_ wire: PacketSocket, _ frame: [UInt8]) throws {
        for _ in 0..<16 { try wire.send(frame) }
        thread = try Self.startThread(wire, frame)
    }

    private static func startThread(_ wire: PacketSocket, _ frame: [UInt8]) throws -> WorkerThread<Int> {
        try WorkerThread("flood") { stop in
            var frames = 0
            while !stop.isRequested {
                try wire.send(frame)
                frames += 1
            }
            return frames
        }
    }

    /// Ends it.
    ///
    /// - Returns: how many frames the thread sent.
    func stop() throws -> Int {
        thread.requestStop()
        return try thread.join()
    }
}

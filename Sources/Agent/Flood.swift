// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Scenarios
import Synchronization
import SystemPackage

/// Sends one frame over and over from a thread of its own, so that the peer goes on taking commands.
final class Flood: @unchecked Sendable {
    private let wire: PacketSocket
    private let frame: [UInt8]
    private var thread = pthread_t()
    private let stopping = Atomic(false)
    // Written by the thread, read after it was joined.
    private var frames = 0
    private var failure: KernelError?

    /// Returns when the flood has begun: the first frames are on the wire.
    init(_ wire: PacketSocket, _ frame: [UInt8]) throws {
        self.wire = wire
        self.frame = frame
        for _ in 0..<16 { try wire.send(frame) }
        let context = Unmanaged.passRetained(self).toOpaque()
        let error = pthread_create(
            &thread, nil,
            { raw in
                if let raw { Unmanaged<Flood>.fromOpaque(raw).takeRetainedValue().loop() }
                return nil
            }, context)
        guard error == 0 else {
            Unmanaged<Flood>.fromOpaque(context).release()
            throw KernelError("starting a flood", errno: Errno(rawValue: error))
        }
    }

    /// Ends it; how many frames it sent. Once.
    func stop() throws -> Int {
        stopping.store(true, ordering: .relaxed)
        pthread_join(thread, nil)
        if let failure { throw failure }
        return frames
    }

    private func loop() {
        while !stopping.load(ordering: .relaxed) {
            do throws(KernelError) {
                try wire.send(frame)
                frames += 1
            } catch {
                failure = error
                return
            }
        }
    }
}

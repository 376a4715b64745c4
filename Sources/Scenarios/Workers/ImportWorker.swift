// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

extension WorkerMain {
    /// The exported queue: where it is passed, and its sizes.
    public struct Import: Sendable {
        var name: String
        var shape: ZeroCopyReceive.RefillShape
        var areaSize: Int
        var local: String
        var scale: Double

        /// - Parameter words: name of the unix socket, entries, bytes of the region, offset of the statistics, bytes of the area, address
        ///   to listen on, and the factor on deadlines.
        public init?(_ words: [String]) {
            guard words.count == 7, let entries = UInt32(words[1]), let size = Int(words[2]), let statistics = UInt64(words[3]),
                let area = Int(words[4]), let scale = Double(words[6])
            else { return nil }
            name = words[0]
            shape = .init(entries: entries, regionSize: size, statisticsOffset: statistics)
            areaSize = area
            local = words[5]
            self.scale = scale
        }
    }

    /// Imports a queue that another process exports. "import" is answered when the queue is imported and a socket listens, "hold N" with the number of
    /// net_iovs when N bytes are held, "rest N" when N bytes of the stream were received, "area N" with how many bytes more this process has pinned
    /// with an area of N pages, "close" when the ring is closed.
    public static func importQueue(_ from: Import, next: () -> String?, reply: (String) -> Void) throws {
        guard next() == "import" else { return }
        let channel = try DescriptorPassing.connect(from.name)
        let taken = Result { try DescriptorPassing.receive(2, from: channel.rawValue) }
        channel.close()
        let descriptors = try taken.get()
        let area = AreaMemory(shared: try SharedMemory(adopting: OwnedDescriptor(taking: descriptors[1]), count: from.areaSize))
        let receiver = try ZeroCopyReceiver(importing: descriptors[0], shape: from.shape, area: area, pattern: PayloadPattern(seed: 4))
        close(descriptors[0])
        let listener = try Connection.listen(on: from.local)
        reply("ok")
        let socket = Connection(try TCP.accept(listener, timeoutMilliseconds: CInt(10_000 * from.scale)))
        listener.close()
        try socket.limitReceiveBuffer(16_384)
        while let words = next()?.split(separator: " ") {
            switch (words.first, words.last.flatMap { UInt64($0) }) {
            case ("hold", let bytes?):
                try receiver.receive(from: socket.rawValue, total: bytes, hold: true, within: 20 * from.scale)
                reply("ok \(receiver.heldNetIovs)")
            case ("rest", let bytes?):
                try receiver.receive(from: socket.rawValue, total: bytes, hold: false, within: 20 * from.scale)
                try receiver.recheckHeld()
                reply("ok")
            case ("area", let pages?):
                let before = try ResourceCounters.lockedBytes()
                try receiver.addArea(try AreaMemory(pages: Int(pages)))
                reply("ok \(try ResourceCounters.lockedBytes() - before)")
            case ("close", _):
                socket.close()
                receiver.close()
                reply("ok")
                return
            default: return
            }
        }
    }
}

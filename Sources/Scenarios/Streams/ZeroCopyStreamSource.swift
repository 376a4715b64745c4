// SPDX-License-Identifier: GPL-2.0

import KernelABI

extension ZeroCopyReceiver: StreamSource {
    /// Different from the tags that `receive(from:)` uses.
    private static let firstTag: UInt64 = 1 << 16

    func events(_ streams: inout [MultiStreamReceiver.Stream], numbers: [Int], limit: Int, milliseconds: CInt) throws -> [StreamEvent] {
        for stream in numbers where !streams[stream].receiving {
            try with {
                try $0.ring.receive(
                    socket: streams[stream].socket, queue: $0.queue.id, length: UInt32(limit), userData: Self.firstTag + UInt64(stream))
            }
            streams[stream].receiving = true
            streams[stream].requested = RequestedBytes(limit: limit)
        }
        let deadline = MonotonicClock.now + UInt64(max(milliseconds, 0)) * 1_000_000
        while true {
            let now = MonotonicClock.now
            let left = now < deadline ? CInt((deadline - now) / 1_000_000) + 1 : 0
            guard let completion = try with({ try $0.ring.wait(timeoutMilliseconds: left) }) else { return [] }
            guard completion.userData >= Self.firstTag, case let stream = Int(completion.userData - Self.firstTag), stream < streams.count
            else { throw ScenarioFailure("unexpected completion: \(completion)") }
            streams[stream].receiving = completion.more
            if let error = completion.error { return [.failed(stream: stream, error)] }
            if completion.isData, let handle = completion.offset, let place = completion.areaOffset {
                try streams[stream].requested.deliver(Int(completion.result))
                return [.delivered(stream: stream, place: place, length: Int(completion.result), handle: handle)]
            }
            // The end of a request with a limit is not the end of its stream.
            if !completion.more && !streams[stream].requested.isComplete { return [.ended(stream: stream)] }
            if !completion.more { return try events(&streams, numbers: numbers, limit: limit, milliseconds: left) }
        }
    }

    func payloadBytes(at place: UInt64, count: Int) throws -> [UInt8]? {
        try with { parts in parts.areas.first?.bytes(at: place, count: count).map { [UInt8]($0) } }
    }

    func returnBuffers(_ deliveries: ArraySlice<MultiStreamReceiver.Delivery>, over socket: CInt) throws -> Int {
        try with { parts in
            var taken = 0
            for delivery in deliveries {
                guard parts.queue.returnBuffer(offset: delivery.handle, length: UInt32(delivery.length)) else { break }
                taken += 1
            }
            return taken
        }
    }

    func copied() throws -> UInt64 { try copiedBytes() ?? 0 }

    func settle() throws { try flush() }
}

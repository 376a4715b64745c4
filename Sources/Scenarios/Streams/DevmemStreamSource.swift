// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI

extension DevmemReceiver: StreamSource {
    func events(_ streams: inout [MultiStreamReceiver.Stream], numbers: [Int], limit: Int, milliseconds: CInt) throws -> [StreamEvent] {
        let deadline = MonotonicClock.now + UInt64(max(milliseconds, 0)) * 1_000_000
        let limits = DeviceMemory.Limits(bytes: limit > 0 ? limit : 1 << 18, fragments: limit > 0 ? 32 : 256)
        while true {
            var events: [StreamEvent] = []
            for stream in numbers {
                do throws(KernelError) {
                    guard let batch = try next(streams[stream].socket, limits: limits) else { continue }
                    if batch.count == 0 { events.append(.ended(stream: stream)) }
                    let whole = batch.fragments.reduce(0) { $0 + Int($1.size) } == batch.count
                    guard !batch.isTruncated, whole, batch.fragments.allSatisfy({ !$0.isLinear && $0.dmabufID == binding }) else {
                        // Truncated control messages, bytes without a fragment, or fragments of another binding.
                        throw KernelError("receiving \(batch.count) bytes of stream \(stream): \(batch.fragments)", code: EBADMSG)
                    }
                    for fragment in batch.fragments {
                        events.append(
                            .delivered(stream: stream, place: fragment.offset, length: Int(fragment.size), handle: UInt64(fragment.token)))
                    }
                } catch {
                    events.append(.failed(stream: stream, error))
                }
            }
            if !events.isEmpty { return events }
            let now = MonotonicClock.now
            guard now < deadline else { return [] }
            var entries = numbers.map { pollfd(fd: streams[$0].socket, events: Int16(POLLIN), revents: 0) }
            if poll(&entries, nfds_t(entries.count), CInt((deadline - now) / 1_000_000) + 1) < 0 && errno != EINTR {
                throw ScenarioFailure("poll failed with errno \(errno)")
            }
        }
    }

    func payloadBytes(at place: UInt64, count: Int) throws -> [UInt8]? { try bytes(at: place, count: count) }

    func returnBuffers(_ deliveries: ArraySlice<MultiStreamReceiver.Delivery>, over socket: CInt) throws -> Int {
        // Consecutive tokens make one range.
        var ranges: [DeviceMemory.TokenRange] = []
        for delivery in deliveries {
            let token = UInt32(truncatingIfNeeded: delivery.handle)
            if let last = ranges.last, last.start &+ last.count == token, last.count < 512 {
                ranges[ranges.count - 1].count += 1
            } else {
                ranges.append(DeviceMemory.TokenRange(start: token))
            }
        }
        var taken = 0
        var rest = ranges[...]
        while !rest.isEmpty {
            // A call accepts a limited number of ranges, and stops after 1024 fragments.
            var some: [DeviceMemory.TokenRange] = []
            var fragments = 0
            while let range = rest.first, some.count < DeviceMemory.maximumRanges, fragments + Int(range.count) <= 1024 {
                some.append(range)
                fragments += Int(range.count)
                rest.removeFirst()
            }
            taken += try DeviceMemory.dontNeed(some, of: socket)
        }
        return taken
    }

    /// Copied bytes have no fragment, and `events` fails for those.
    func copied() throws -> UInt64 { 0 }

    /// Returned tokens are released at once.
    func settle() throws {}
}

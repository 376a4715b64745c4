// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// An event of a stream that a provider reports.
enum StreamEvent {
    /// `length` bytes at `place` of the area or dma-buf; `handle` returns them.
    case delivered(stream: Int, place: UInt64, length: Int, handle: UInt64)
    case ended(stream: Int)
    case failed(stream: Int, KernelError)
}

/// A provider's receiver as `MultiStreamReceiver` uses it.
protocol StreamSource: AnyObject {
    /// Waits for events of the streams with those numbers; empty where there was none in time.
    ///
    /// - Parameter limit: bytes that a receive may deliver; 0 for no limit.
    func events(_ streams: inout [MultiStreamReceiver.Stream], numbers: [Int], limit: Int, milliseconds: CInt) throws -> [StreamEvent]
    /// Bytes of the area or dma-buf; nil where they are not inside.
    func payloadBytes(at place: UInt64, count: Int) throws -> [UInt8]?
    /// Returns deliveries in one call.
    ///
    /// - Returns: how many of them were accepted, in order.
    func returnBuffers(_ deliveries: ArraySlice<MultiStreamReceiver.Delivery>, over socket: CInt) throws -> Int
    /// Copied bytes, as the provider counts them.
    func copied() throws -> UInt64
    /// Makes the kernel take returned buffers from the refill ring; nothing to do for devmem.
    func settle() throws
    func end()
    /// Ends the provider and closes its memory. A second call does nothing.
    func close()
}

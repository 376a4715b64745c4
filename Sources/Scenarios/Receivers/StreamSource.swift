// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// What came of a stream, as its provider gave it.
enum StreamEvent {
    /// `length` bytes at `place` of the area or dma-buf; `handle` gives them back.
    case piece(stream: Int, place: UInt64, length: Int, handle: UInt64)
    case ended(stream: Int)
    case failed(stream: Int, KernelError)
}

/// A provider's receiver as `MultiStreamReceiver` drives it.
protocol StreamSource: AnyObject {
    /// Waits for something of the streams that are `wanted`; empty where nothing came in time.
    ///
    /// - Parameter limit: bytes a receive may bring at the most; 0 for no limit.
    func events(_ streams: inout [MultiStreamReceiver.Stream], wanted: [Int], limit: Int, milliseconds: CInt) throws -> [StreamEvent]
    /// Bytes of the area or dma-buf; nil where they do not lie inside.
    func payloadBytes(at place: UInt64, count: Int) throws -> [UInt8]?
    /// Gives deliveries back in one go; how many of them there was room for, in order.
    func returnBuffers(_ deliveries: ArraySlice<MultiStreamReceiver.Delivery>, over socket: CInt) throws -> Int
    /// Bytes that were copied, as far as the provider says.
    func copied() throws -> UInt64
    /// Has the kernel look at what was given back, where it would not of itself.
    func settle() throws
    func end()
    /// Ends the provider and lets go of its memory. Once; then it does nothing.
    func close()
}

// SPDX-License-Identifier: GPL-2.0

/// A file or a buffer as a source of bytes. It can be read from the start several times, as the evidence for a violation is read in a
/// second pass.
public struct ByteSource: Sendable {
    /// Returns the next chunk; an empty one is the end. Throws `TraceReadError.source` with a message.
    public typealias Reader = () throws(TraceReadError) -> [UInt8]

    let open: @Sendable () throws(TraceReadError) -> Reader

    /// - Parameter open: starts to read from the first byte.
    public init(_ open: @escaping @Sendable () throws(TraceReadError) -> Reader) { self.open = open }

    /// Bytes in memory.
    public init(_ bytes: [UInt8]) {
        self.init { () throws(TraceReadError) -> Reader in
            var at = 0
            return { () throws(TraceReadError) -> [UInt8] in
                let end = min(at + 1 << 16, bytes.count)
                defer { at = end }
                return Array(bytes[at..<end])
            }
        }
    }
}

/// A trace in one of its forms.
public enum TraceInput: Sendable {
    /// Raw ring-buffer pages, by CPU.
    case pages([UInt32: ByteSource], TraceDecoder)
    /// tracefs `trace` or `trace_pipe`, or what `trace-cmd report` prints.
    case text(ByteSource)
    /// Events in the order of their time.
    case events([TraceEvent])
}

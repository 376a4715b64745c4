// SPDX-License-Identifier: GPL-2.0

/// Pages in compressed chunks: a count, then the compressed and the decompressed size of each chunk and its bytes ("compression format of the trace
/// data" in trace-cmd.dat.v7(5)). One chunk is in memory at a time.
///
/// The size that the file has for them does not include the count (`tracecmd_compress_copy_from()`), so 4 bytes may be left.
struct CompressedChunks {
    private let read: ByteSource.Reader
    private let decompressor: TraceDecompressor
    private var buffer: [UInt8] = []
    private var at = 0
    private var left: UInt32?
    private var number = 0
    /// Bytes of the source that were not read so far.
    private var unread: UInt64

    init(_ read: @escaping ByteSource.Reader, size: UInt64, _ decompressor: @escaping TraceDecompressor) {
        self.read = read
        self.decompressor = decompressor
        unread = size
    }

    /// The contents of the next chunk; an empty one is the end.
    mutating func next() throws(TraceReadError) -> [UInt8] {
        let count: UInt32
        if let left { count = left } else { count = try integer() }
        left = count
        guard count > 0 else {
            guard UInt64(buffer.count - at) + unread <= 4 else { throw .source("the trace.dat has bytes behind the \(number) chunks of a CPU") }
            return []
        }
        let compressed = Int(try integer())
        let size = Int(try integer())
        guard size > 0, size <= TraceDatCursor.maximumBlockSize else {
            throw .source("chunk \(number) of a CPU has \(size) bytes, which trace-cmd does not write")
        }
        let block = try bytes(compressed)
        guard let contents = decompressor(block, size), contents.count == size else {
            throw .source("chunk \(number) of a CPU cannot be decompressed: the trace.dat is damaged")
        }
        left = count - 1
        number += 1
        return contents
    }

    private mutating func integer() throws(TraceReadError) -> UInt32 {
        try bytes(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private mutating func bytes(_ count: Int) throws(TraceReadError) -> [UInt8] {
        guard UInt64(count) <= UInt64(buffer.count - at) + unread else {
            throw .source("chunk \(number) of a CPU reaches beyond its data: the trace.dat is truncated")
        }
        while buffer.count - at < count {
            let more = try read()
            guard !more.isEmpty else { throw .source("chunk \(number) of a CPU is truncated") }
            guard UInt64(more.count) <= unread else { throw .source("the trace.dat grew while it was read") }
            unread -= UInt64(more.count)
            buffer.removeSubrange(..<at)
            at = 0
            buffer += more
        }
        defer { at += count }
        return Array(buffer[at..<at + count])
    }
}

extension ByteSource {
    /// The contents of compressed chunks.
    init(chunks source: ByteSource, size: UInt64, _ decompressor: @escaping TraceDecompressor) {
        self.init { () throws(TraceReadError) -> Reader in
            var chunks = CompressedChunks(try source.open(), size: size, decompressor)
            return { () throws(TraceReadError) -> [UInt8] in try chunks.next() }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

/// Reads the header or a section of a trace.dat, in order.
struct TraceDatCursor {
    let size: UInt64
    let read: TraceDat.Reader
    var at: UInt64 = 0
    private var chunk: [UInt8] = []
    private var chunkStart: UInt64 = 0

    private static let chunkSize = 1 << 16
    private static let maximumWord = 256
    /// A format has one or two kilobytes.
    private static let maximumText: UInt64 = 1 << 20
    private static let maximumCount: UInt32 = 1 << 16

    /// A section or chunk has at most a few megabytes.
    static let maximumBlockSize = 1 << 26

    /// The contents of a section that was compressed.
    init(_ contents: [UInt8]) {
        self.init(size: UInt64(contents.count)) { offset, count in Array(contents[Int(offset)...].prefix(count)) }
    }

    init(size: UInt64, read: @escaping TraceDat.Reader) {
        self.size = size
        self.read = read
    }

    /// The offset behind this many bytes, if the file has them.
    func end(of count: UInt64) throws(TraceDatError) -> UInt64 {
        guard at <= size, count <= size - at else { throw .truncated(at: at) }
        return at + count
    }

    mutating func skip(_ count: UInt64) throws(TraceDatError) { at = try end(of: count) }

    mutating func bytes(_ count: Int) throws(TraceDatError) -> [UInt8] {
        let end = try end(of: UInt64(count))
        if at < chunkStart || end > chunkStart + UInt64(chunk.count) {
            chunk = try read(at, max(count, Self.chunkSize))
            chunkStart = at
            guard chunk.count >= count else { throw .truncated(at: at) }
        }
        let start = Int(at - chunkStart)
        at = end
        return Array(chunk[start..<start + count])
    }

    mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws(TraceDatError) -> T {
        try bytes(T.bitWidth / 8).reversed().reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
    }

    mutating func count(_ what: String) throws(TraceDatError) -> UInt32 {
        let count = try integer(UInt32.self)
        guard count <= Self.maximumCount else { throw .implausible(what, UInt64(count)) }
        return count
    }

    static func maximumBlock(_ size: UInt32) throws(TraceDatError) -> Int {
        guard size <= maximumBlockSize else { throw .implausible("the size of a section", UInt64(size)) }
        return Int(size)
    }

    mutating func text(_ size: UInt64) throws(TraceDatError) -> String {
        guard size <= Self.maximumText else { throw .implausible("the size of a format", size) }
        return String(decoding: try bytes(Int(size)), as: UTF8.self)
    }

    /// A text that ends with a zero.
    mutating func word(_ what: String) throws(TraceDatError) -> String {
        var word: [UInt8] = []
        while case let byte = try integer(UInt8.self), byte != 0 {
            word.append(byte)
            guard word.count <= Self.maximumWord else { throw .implausible("the length of \(what)", UInt64(word.count)) }
        }
        return String(decoding: word, as: UTF8.self)
    }

    mutating func expect(_ name: String) throws(TraceDatError) {
        let start = at
        guard try word(name) == name else { throw .truncated(at: start) }
    }
}

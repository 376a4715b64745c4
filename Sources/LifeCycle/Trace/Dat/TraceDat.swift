// SPDX-License-Identifier: GPL-2.0

/// The contents of trace-cmd's trace.dat, version 6 (trace-cmd.dat.v6(5)) or 7 (trace-cmd.dat.v7(5)): formats, and where the ring-buffer pages of
/// each buffer and CPU are.
///
/// Every count and offset is checked against the file's size before it is used. Only the required texts are stored.
public struct TraceDat: Sendable {
    /// The first bytes of the file; a version follows.
    public static let magic: [UInt8] = [0x17, 0x08, 0x44] + Array("tracing".utf8)

    /// The pages of one trace instance.
    public struct Buffer: Equatable, Sendable {
        /// The name of the instance; empty for the top instance.
        public var name: String
        /// The byte range of each CPU's pages in the file.
        public var pages: [UInt32: Range<UInt64>] = [:]
        /// The pages are in compressed chunks (`TraceDat.chunks`).
        public var isCompressed = false
        /// Bytes of a page, where it is not that of `header_page`.
        public var pageSize: Int?
    }

    /// The format texts by name, for `TraceDecoder`.
    public internal(set) var formats: [String: String] = [:]
    /// Every buffer, the top instance first.
    public internal(set) var buffers: [Buffer] = []
    /// Makes nanoseconds of the time stamps, where they are ticks of the processor.
    public internal(set) var clock: TraceClock?
    /// Decompresses the file's sections and chunks.
    let decompressor: TraceDecompressor?
    /// Of the file, in bytes.
    let size: UInt64
    var limits = TraceDatLimits()

    /// Reads that many bytes from an offset on; fewer only at the end of the file.
    public typealias Reader = (_ offset: UInt64, _ count: Int) throws(TraceDatError) -> [UInt8]

    /// - Parameters:
    ///   - size: of the file, in bytes.
    ///   - decompressors: by the name that the file has for the compression.
    ///   - read: reads the file.
    /// - Throws: `TraceDatError` if the file cannot be used.
    public init(size: UInt64, decompressors: [String: TraceDecompressor] = [:], _ read: @escaping Reader) throws(TraceDatError) {
        self.size = size
        var file = TraceDatCursor(size: size, read: read)
        guard size >= UInt64(Self.magic.count), try file.bytes(Self.magic.count) == Self.magic else { throw .notTraceDat }
        let version = try file.word("the version")
        guard version == "6" || version == "7" else { throw .version(version) }
        let order = try file.integer(UInt8.self)
        guard order != 1 else { throw .bigEndian }
        guard order == 0 else { throw .notTraceDat }
        // The sizes of a long in user space and of a page; header_page and the buffers have those of the kernel.
        try file.skip(1 + 4)
        guard version == "7" else {
            decompressor = nil
            try readVersion6(&file)
            return
        }
        let compression = try file.word("the compression")
        _ = try file.word("the version of the compression")
        if compression == "none" {
            decompressor = nil
        } else {
            guard let found = decompressors[compression] else { throw .compression(compression) }
            decompressor = found
        }
        try readSections(&file, read)
    }

    /// The pages of one CPU.
    ///
    /// - Parameter file: makes a source of a range of the file's bytes.
    public func source(of range: Range<UInt64>, in buffer: Buffer, _ file: (Range<UInt64>) -> ByteSource) -> ByteSource {
        guard buffer.isCompressed, let decompressor else { return file(range) }
        let whole = range.lowerBound..<min(range.upperBound + 4, size)
        return ByteSource(chunks: file(whole), size: whole.upperBound - whole.lowerBound, decompressor)
    }

    /// Reads header_page; skips header_event.
    mutating func readHeader(_ file: inout TraceDatCursor) throws(TraceDatError) {
        try file.expect("header_page")
        formats["header_page"] = try file.text(try file.integer(UInt64.self))
        try file.expect("header_event")
        try file.skip(try file.integer(UInt64.self))
    }

    /// Reads the formats of all event systems.
    mutating func readSystems(_ file: inout TraceDatCursor) throws(TraceDatError) {
        for _ in 0..<(try file.count("event systems")) {
            let system = try file.word("an event system")
            try readFormats(&file, system == "page_pool" ? TraceDecoder.formatNames : [])
        }
    }

    /// Reads the format texts of one system and stores those with the given names.
    mutating func readFormats(_ file: inout TraceDatCursor, _ names: [String]) throws(TraceDatError) {
        for _ in 0..<(try file.count("events")) {
            let size = try file.integer(UInt64.self)
            guard !names.isEmpty else {
                try file.skip(size)
                continue
            }
            let text = try file.text(size)
            if let name = names.first(where: { text.utf8.starts(with: "name: \($0)\n".utf8) }) { formats[name] = text }
        }
    }
}

/// Decompresses one block; nil if the bytes are not a whole block of this compression with that many bytes in it.
public typealias TraceDecompressor = @Sendable (_ block: [UInt8], _ size: Int) -> [UInt8]?

// SPDX-License-Identifier: GPL-2.0

/// The contents of trace-cmd's trace.dat, version 6 (trace-cmd.dat.v6(5)): formats, and where each CPU's ring-buffer pages are.
///
/// Every count and offset is checked against the file's size before it is used. Only the required texts are stored.
public struct TraceDat: Equatable, Sendable {
    /// The first bytes of the file; a version follows.
    public static let magic: [UInt8] = [0x17, 0x08, 0x44] + Array("tracing".utf8)

    /// The format texts by name, for `TraceDecoder`.
    public private(set) var formats: [String: String] = [:]
    /// The byte range of each CPU's pages in the file.
    public private(set) var pages: [UInt32: Range<UInt64>] = [:]

    /// Reads that many bytes from an offset on; fewer only at the end of the file.
    public typealias Reader = (_ offset: UInt64, _ count: Int) throws(TraceDatError) -> [UInt8]

    /// - Parameters:
    ///   - size: of the file, in bytes.
    ///   - read: reads the file.
    /// - Throws: `TraceDatError` if the file cannot be used.
    public init(size: UInt64, _ read: @escaping Reader) throws(TraceDatError) {
        var file = TraceDatCursor(size: size, read: read)
        guard size >= UInt64(Self.magic.count), try file.bytes(Self.magic.count) == Self.magic else { throw .notTraceDat }
        let version = try file.word("the version")
        guard version == "6" else { throw .version(version) }
        guard try file.integer(UInt8.self) == 0 else { throw .bigEndian }
        // The sizes of a long in user space and of a page; header_page has those of the kernel.
        try file.skip(1 + 4)
        try file.expect("header_page")
        formats["header_page"] = try file.text(try file.integer(UInt64.self))
        try file.expect("header_event")
        try file.skip(try file.integer(UInt64.self))
        try readFormats(&file, [TraceDecoder.markFormatName])
        for _ in 0..<(try file.count("event systems")) {
            let system = try file.word("an event system")
            try readFormats(&file, system == "page_pool" ? TraceDecoder.formatNames : [])
        }
        // kallsyms, printk formats, names of tasks.
        try file.skip(UInt64(try file.integer(UInt32.self)))
        try file.skip(UInt64(try file.integer(UInt32.self)))
        try file.skip(try file.integer(UInt64.self))
        let cpus = try file.count("CPUs")
        try Self.readOptions(&file)
        for cpu in 0..<cpus {
            let offset = try file.integer(UInt64.self)
            let count = try file.integer(UInt64.self)
            guard offset <= size, count <= size - offset else { throw .truncated(at: offset) }
            if count > 0 { pages[UInt32(cpu)] = offset..<offset + count }
        }
    }

    /// Reads the format texts of one system and stores those with the given names.
    private mutating func readFormats(_ file: inout TraceDatCursor, _ names: [String]) throws(TraceDatError) {
        for _ in 0..<(try file.count("events")) {
            let size = try file.integer(UInt64.self)
            guard !names.isEmpty else {
                try file.skip(size)
                continue
            }
            let text = try file.text(size)
            if let name = names.first(where: { text.hasPrefix("name: \($0)\n") }) { formats[name] = text }
        }
    }

    /// Skips the options, up to the offsets of the pages.
    private static func readOptions(_ file: inout TraceDatCursor) throws(TraceDatError) {
        var kind = try file.word("the kind of data")
        if kind == "options  " {
            while case let option = try file.integer(UInt16.self), option != 0 {
                let size = UInt64(try file.integer(UInt32.self))
                let end = try file.end(of: size)
                // TRACECMD_OPTION_BUFFER: an offset and the instance's name.
                if option == 3 && size > 8 {
                    try file.skip(8)
                    let name = try file.word("an instance")
                    if !name.isEmpty { throw .instance(name) }
                }
                file.at = end
            }
            kind = try file.word("the kind of data")
        }
        if kind == "latency  " { throw .latency }
        guard kind == "flyrecord" else { throw .truncated(at: file.at) }
    }
}

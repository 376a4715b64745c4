// SPDX-License-Identifier: GPL-2.0

/// Why a trace.dat cannot be used.
public enum TraceDatError: Error, Equatable, Sendable, CustomStringConvertible {
    case notTraceDat
    /// Another version than 6; those compress by default.
    case version(String)
    case bigEndian
    /// It ends before what should follow at this offset.
    case truncated(at: UInt64)
    /// A count or size that no trace-cmd writes.
    case senseless(String, UInt64)
    /// It holds text, not pages (`trace-cmd record -p wakeup` and its like).
    case latency
    /// The pages of an instance of its own (`trace-cmd record -B NAME`).
    case instance(String)
    /// What whoever gives the bytes says.
    case source(String)

    public var description: String {
        switch self {
        case .notTraceDat: "not a trace.dat"
        case .version(let version): "a trace.dat of version \(version), and only version 6 is read"
        case .bigEndian: "a trace.dat of a big-endian machine"
        case .truncated(let offset): "the trace.dat is cut off: nothing at byte \(offset)"
        case .senseless(let what, let number): "no trace.dat has \(number) for \(what)"
        case .latency: "a trace.dat of a latency tracer, which has no pages"
        case .instance(let name): "the trace.dat has a buffer of the instance \(name), and only the top one is read"
        case .source(let message): message
        }
    }
}

/// What stands where in trace-cmd's trace.dat, version 6 (trace-cmd.dat.v6(5)): formats, and each CPU's ring-buffer pages.
///
/// Every count and offset is checked against the file's size before it is used, and only texts that are needed are kept.
public struct TraceDat: Equatable, Sendable {
    /// How it begins; a version follows.
    public static let magic: [UInt8] = [0x17, 0x08, 0x44] + Array("tracing".utf8)

    /// For `TraceDecoder`.
    public private(set) var formats: [String: String] = [:]
    /// Each CPU's bytes in the file.
    public private(set) var pages: [UInt32: Range<UInt64>] = [:]

    /// Gives that many bytes from an offset on, fewer only where the file ends.
    public typealias Reader = (_ offset: UInt64, _ count: Int) throws(TraceDatError) -> [UInt8]

    /// - Parameter size: of the file, in bytes.
    public init(size: UInt64, _ read: @escaping Reader) throws(TraceDatError) {
        var file = DatCursor(size: size, read: read)
        guard size >= UInt64(Self.magic.count), try file.bytes(Self.magic.count) == Self.magic else { throw .notTraceDat }
        let version = try file.word("the version")
        guard version == "6" else { throw .version(version) }
        guard try file.integer(UInt8.self) == 0 else { throw .bigEndian }
        // The bytes of a long in user space, and of a page: header_page says what the kernel's are.
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

    /// The format texts of one system; keeps those of the names.
    private mutating func readFormats(_ file: inout DatCursor, _ names: [String]) throws(TraceDatError) {
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

    /// Passes over the options, up to where the offsets of the pages begin.
    private static func readOptions(_ file: inout DatCursor) throws(TraceDatError) {
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

/// Reads the header of a trace.dat from its beginning on.
private struct DatCursor {
    let size: UInt64
    let read: TraceDat.Reader
    var at: UInt64 = 0
    private var piece: [UInt8] = []
    private var pieceStart: UInt64 = 0

    private static let pieceSize = 1 << 16
    private static let longestWord = 256
    /// A format takes a kilobyte or two.
    private static let longestText: UInt64 = 1 << 20
    private static let mostOfAKind: UInt32 = 1 << 16

    init(size: UInt64, read: @escaping TraceDat.Reader) {
        self.size = size
        self.read = read
    }

    /// Where this many bytes end, if the file has them.
    func end(of count: UInt64) throws(TraceDatError) -> UInt64 {
        guard at <= size, count <= size - at else { throw .truncated(at: at) }
        return at + count
    }

    mutating func skip(_ count: UInt64) throws(TraceDatError) { at = try end(of: count) }

    mutating func bytes(_ count: Int) throws(TraceDatError) -> [UInt8] {
        let end = try end(of: UInt64(count))
        if at < pieceStart || end > pieceStart + UInt64(piece.count) {
            piece = try read(at, max(count, Self.pieceSize))
            pieceStart = at
            guard piece.count >= count else { throw .truncated(at: at) }
        }
        let start = Int(at - pieceStart)
        at = end
        return Array(piece[start..<start + count])
    }

    mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws(TraceDatError) -> T {
        try bytes(T.bitWidth / 8).reversed().reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
    }

    mutating func count(_ what: String) throws(TraceDatError) -> UInt32 {
        let count = try integer(UInt32.self)
        guard count <= Self.mostOfAKind else { throw .senseless(what, UInt64(count)) }
        return count
    }

    mutating func text(_ size: UInt64) throws(TraceDatError) -> String {
        guard size <= Self.longestText else { throw .senseless("the size of a format", size) }
        return String(decoding: try bytes(Int(size)), as: UTF8.self)
    }

    /// A text that a zero ends.
    mutating func word(_ what: String) throws(TraceDatError) -> String {
        var word: [UInt8] = []
        while case let byte = try integer(UInt8.self), byte != 0 {
            word.append(byte)
            guard word.count <= Self.longestWord else { throw .senseless("the length of \(what)", UInt64(word.count)) }
        }
        return String(decoding: word, as: UTF8.self)
    }

    mutating func expect(_ name: String) throws(TraceDatError) {
        let start = at
        guard try word(name) == name else { throw .truncated(at: start) }
    }
}

// SPDX-License-Identifier: GPL-2.0

/// The parts of a 64-bit little-endian ELF file that the loader reads.
///
/// The file may have any content: no byte outside of it is read, and invalid numbers in it are an error, never a trap.
struct ELFFile: Sendable, Equatable {
    /// `e_machine`: 62 is x86-64, 183 is AArch64.
    var machine: UInt16
    /// PT_INTERP.
    var interpreter: String?
    /// DT_NEEDED, in order.
    var needed: [String] = []
    /// DT_RUNPATH, or where there is none DT_RPATH, split at its colons.
    var searchPaths: [String] = []
    /// DT_SONAME.
    var soname: String?

    /// Why bytes are not a loadable ELF file.
    struct Malformed: Error, Equatable {
        var reason: String
    }

    private struct Reader {
        let bytes: [UInt8]

        func integer<Value: FixedWidthInteger>(_ type: Value.Type, at offset: UInt64) throws(Malformed) -> Value {
            let size = MemoryLayout<Value>.size
            guard offset <= UInt64(bytes.count), UInt64(bytes.count) - offset >= UInt64(size) else {
                throw Malformed(reason: "it ends before offset \(offset)")
            }
            let start = Int(offset)
            return (0..<size).reduce(Value(0)) { $0 | Value(truncatingIfNeeded: UInt64(bytes[start + $1]) << (8 * UInt64($1))) }
        }

        func string(at offset: UInt64, end: UInt64) throws(Malformed) -> String {
            let end = min(end, UInt64(bytes.count))
            guard offset < end else { throw Malformed(reason: "a string is outside of it") }
            let tail = bytes[Int(offset)..<Int(end)]
            guard let terminator = tail.firstIndex(of: 0) else { throw Malformed(reason: "a string in it has no terminator") }
            return String(decoding: tail[..<terminator], as: UTF8.self)
        }
    }

    private struct Segment {
        var type: UInt32
        var offset: UInt64
        var address: UInt64
        var size: UInt64

        /// One past its last byte in the file. It saturates: the reader checks against the file's size.
        var end: UInt64 { offset.addingReportingOverflow(size).overflow ? .max : offset + size }
    }

    private enum Tag {
        static let null: UInt64 = 0
        static let needed: UInt64 = 1
        static let stringTable: UInt64 = 5
        static let soname: UInt64 = 14
        static let rpath: UInt64 = 15
        static let runpath: UInt64 = 29
    }

    static func isELF(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) }

    init(_ bytes: [UInt8]) throws(Malformed) {
        let reader = Reader(bytes: bytes)
        guard Self.isELF(bytes) else { throw Malformed(reason: "it is not an ELF file") }
        guard bytes.count >= 64, bytes[4] == 2, bytes[5] == 1 else {
            throw Malformed(reason: "it is not a 64-bit little-endian ELF file")
        }
        machine = try reader.integer(UInt16.self, at: 18)
        let segments = try Self.segments(reader)
        if let segment = segments.first(where: { $0.type == 3 }) {
            interpreter = try reader.string(at: segment.offset, end: segment.end)
        }
        guard let dynamic = segments.first(where: { $0.type == 2 }) else { return }
        try readDynamic(reader, dynamic, segments)
    }

    private static func segments(_ reader: Reader) throws(Malformed) -> [Segment] {
        let table = try reader.integer(UInt64.self, at: 32)
        let entrySize = UInt64(try reader.integer(UInt16.self, at: 54))
        let count = UInt64(try reader.integer(UInt16.self, at: 56))
        guard count == 0 || entrySize >= 56 else { throw Malformed(reason: "its program headers are \(entrySize) bytes each") }
        guard table <= UInt64(reader.bytes.count) else { throw Malformed(reason: "its program headers are outside of it") }
        var segments: [Segment] = []
        for index in 0..<count {
            let at = table + index * entrySize
            segments.append(
                Segment(
                    type: try reader.integer(UInt32.self, at: at), offset: try reader.integer(UInt64.self, at: at + 8),
                    address: try reader.integer(UInt64.self, at: at + 16), size: try reader.integer(UInt64.self, at: at + 32)))
        }
        return segments
    }

    private mutating func readDynamic(_ reader: Reader, _ dynamic: Segment, _ segments: [Segment]) throws(Malformed) {
        var entries: [(tag: UInt64, value: UInt64)] = []
        var at = dynamic.offset
        while at < dynamic.end {
            let tag = try reader.integer(UInt64.self, at: at)
            if tag == Tag.null { break }
            entries.append((tag, try reader.integer(UInt64.self, at: at + 8)))
            at += 16
        }
        guard let address = entries.first(where: { $0.tag == Tag.stringTable })?.value else {
            guard !entries.contains(where: { $0.tag == Tag.needed }) else { throw Malformed(reason: "it needs libraries and has no string table") }
            return
        }
        guard let segment = segments.first(where: { $0.type == 1 && $0.address <= address && address - $0.address < $0.size }) else {
            throw Malformed(reason: "its string table is in no segment")
        }
        let (table, overflow) = segment.offset.addingReportingOverflow(address - segment.address)
        guard !overflow else { throw Malformed(reason: "its string table is outside of it") }
        func text(_ offset: UInt64) throws(Malformed) -> String {
            let (start, overflow) = table.addingReportingOverflow(offset)
            guard !overflow else { throw Malformed(reason: "a string is outside of it") }
            return try reader.string(at: start, end: segment.end)
        }
        var runpath: String?
        var rpath: String?
        for entry in entries {
            switch entry.tag {
            case Tag.needed: needed.append(try text(entry.value))
            case Tag.soname: soname = try text(entry.value)
            case Tag.rpath: rpath = try text(entry.value)
            case Tag.runpath: runpath = try text(entry.value)
            default: break
            }
        }
        searchPaths = (runpath ?? rpath ?? "").split(separator: ":").map(String.init)
    }
}

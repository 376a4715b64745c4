// SPDX-License-Identifier: GPL-2.0

public import LifeCycle

/// A trace as bytes of one file.
public enum TraceForm {
    case text(TextForm)
    case dat(DatWriter)
    /// The pages of CPUs, one CPU after the other: a byte for the CPU, then a page.
    case pages

    public var name: String {
        switch self {
        case .text(let form): "\(form)"
        case .dat(let writer): "trace.dat \(writer.version), \(writer.compression?.name ?? "not compressed")"
        case .pages: "pages"
        }
    }

    /// The compressions need libraries; here each byte is inverted.
    private static let inversion = DatWriter.Compression(name: "inversion") { $0.map { ~$0 } }
    public static let inverted: [String: TraceDecompressor] = ["inversion": { block, size in block.count == size ? block.map { ~$0 } : nil }]

    public static var writers: [DatWriter] {
        [DatWriter { $0.version = "6" }, DatWriter(), DatWriter { ($0.compression, $0.chunkPages) = (inversion, 1) }]
    }

    public func bytes(_ events: [TraceEvent]) throws -> [UInt8] {
        switch self {
        case .text(let form): form.text(events)
        case .dat(let writer): try writer.bytes([("", Recording.pages(events))])
        case .pages:
            Recording.pages(events).sorted { $0.key < $1.key }.flatMap { cpu, pages in
                stride(from: 0, to: pages.count, by: 4096).flatMap { [UInt8(cpu)] + pages[$0..<$0 + 4096] }
            }
        }
    }

    /// - Parameter decompressors: those that `ppiov check` has are in Harness.
    public func examine(
        _ bytes: [UInt8], _ ledger: PoolLedger, decompressors: [String: TraceDecompressor] = inverted
    ) throws -> PoolLedger.Outcome {
        switch self {
        case .text: return try ledger.examine(.text(ByteSource(bytes)))
        case .dat: return try Self.examine(dat: bytes, ledger, decompressors)
        case .pages:
            var pages: [UInt32: [UInt8]] = [:]
            for start in stride(from: 0, to: bytes.count, by: 4097) {
                pages[UInt32(bytes[start]), default: []] += bytes[start...].dropFirst().prefix(4096)
            }
            return try ledger.examine(.pages(pages.mapValues { ByteSource($0) }, try TraceDecoder(formats: Texts.marked)))
        }
    }

    private static func examine(
        dat bytes: [UInt8], _ ledger: PoolLedger, _ decompressors: [String: TraceDecompressor]
    ) throws -> PoolLedger.Outcome {
        let dat = try TraceDat(size: UInt64(bytes.count), decompressors: decompressors) { offset, count in
            offset <= bytes.count ? Array(bytes[Int(offset)...].prefix(count)) : []
        }
        let outcomes = try dat.buffers.map { buffer in
            let pages = buffer.pages.mapValues { range in
                dat.source(of: range, in: buffer) { ByteSource(Array(bytes[Int($0.lowerBound)..<Int($0.upperBound)])) }
            }
            let decoder = try TraceDecoder(formats: dat.formats, pageSize: buffer.pageSize, clock: dat.clock)
            return try ledger.examine(.pages(pages, decoder))
        }
        // A file with several buffers is several traces; the one that does not conform decides.
        return outcomes.first { !$0.conforms } ?? outcomes.first ?? ledger.examine([])
    }
}

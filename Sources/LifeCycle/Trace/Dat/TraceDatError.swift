// SPDX-License-Identifier: GPL-2.0

/// Why a trace.dat cannot be used.
public enum TraceDatError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file does not begin with `TraceDat.magic`.
    case notTraceDat
    /// A version other than 6 and 7.
    case version(String)
    /// Recorded on a big-endian machine.
    case bigEndian
    /// The file ends before the data that should follow at this offset.
    case truncated(at: UInt64)
    /// A count or size that trace-cmd does not write.
    case implausible(String, UInt64)
    /// It has text in place of pages (such as `trace-cmd record -p wakeup`).
    case latency
    /// A compression that ppiov has no library for.
    case compression(String)
    /// A compressed section that cannot be decompressed.
    case damaged(at: UInt64)
    /// There is no section of this kind.
    case section(String)
    /// Two buffers have the same name.
    case twoBuffers(String)
    /// One buffer has pages of a CPU at two places.
    case twice(cpu: UInt32)
    /// A message of the reader of the bytes.
    case source(String)

    public var description: String {
        switch self {
        case .notTraceDat: "not a trace.dat"
        case .version(let version): "a trace.dat of version \(version); ppiov reads versions 6 and 7"
        case .bigEndian: "a trace.dat of a big-endian machine"
        case .truncated(let offset): "the trace.dat is truncated: no data at byte \(offset)"
        case .implausible(let what, let number): "the trace.dat has \(number) as \(what), which trace-cmd does not write"
        case .latency: "the trace.dat is of a latency tracer and has no pages"
        case .compression(let name): "the trace.dat is compressed with \(name); ppiov reads zstd and zlib"
        case .damaged(let offset): "the trace.dat is damaged: the section at byte \(offset) cannot be decompressed"
        case .section(let what): "the trace.dat has no section with \(what): its recording did not end"
        case .twoBuffers(let name): "the trace.dat has two buffers with the name \"\(name)\""
        case .twice(let cpu): "the trace.dat has the pages of CPU \(cpu) twice"
        case .source(let message): message
        }
    }
}

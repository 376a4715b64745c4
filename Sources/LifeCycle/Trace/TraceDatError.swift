// SPDX-License-Identifier: GPL-2.0

/// Why a trace.dat cannot be used.
public enum TraceDatError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file does not begin with `TraceDat.magic`.
    case notTraceDat
    /// A version other than 6; version 7 compresses by default.
    case version(String)
    /// Recorded on a big-endian machine.
    case bigEndian
    /// The file ends before the data that should follow at this offset.
    case truncated(at: UInt64)
    /// A count or size that trace-cmd does not write.
    case implausible(String, UInt64)
    /// It has text in place of pages (such as `trace-cmd record -p wakeup`).
    case latency
    /// It has the pages of a trace instance (`trace-cmd record -B NAME`).
    case instance(String)
    /// A message of the reader of the bytes.
    case source(String)

    public var description: String {
        switch self {
        case .notTraceDat: "not a trace.dat"
        case .version(let version): "a trace.dat of version \(version); ppiov reads version 6 only"
        case .bigEndian: "a trace.dat of a big-endian machine"
        case .truncated(let offset): "the trace.dat is truncated: no data at byte \(offset)"
        case .implausible(let what, let number): "the trace.dat has \(number) as \(what), which trace-cmd does not write"
        case .latency: "the trace.dat is of a latency tracer and has no pages"
        case .instance(let name): "the trace.dat has a buffer of the instance \(name); ppiov reads the top instance only"
        case .source(let message): message
        }
    }
}

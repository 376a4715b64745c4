// SPDX-License-Identifier: GPL-2.0

/// Why a trace cannot be read to its end.
public enum TraceReadError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The raw pages of one CPU cannot be decoded.
    case cpu(UInt32, TraceDecodeError)
    /// A line of a text trace, counted from 1, cannot be read.
    case line(Int, String)
    /// A message of the reader of the bytes.
    case source(String)

    public var description: String {
        switch self {
        case .cpu(let cpu, let error): "CPU \(cpu): \(error)"
        case .line(let line, let message): "line \(line): \(message)"
        case .source(let message): message
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

/// A record on the trace channel: this header (little endian: magic `PPTR`, u32 CPU, u32 length), then `length` bytes of
/// raw ring-buffer pages as read from `per_cpu/cpuN/trace_pipe_raw`. A record with length 0 and CPU `UInt32.max` ends a scenario.
public enum TraceRecordHeader {
    public static let magic: UInt32 = 0x5254_5050
    public static let byteCount = 12
    public static let endOfScenario = UInt32.max
}

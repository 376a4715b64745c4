// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// Records the page-pool tracepoints of one scenario in a tracefs instance of its own, so that other tracing is not affected, and reads the raw
/// ring-buffer pages.
struct TraceCapture: ~Copyable {
    static let events = ["page_pool_state_hold", "page_pool_state_release", "page_pool_release"]
    private static let root = "/sys/kernel/tracing"
    private let instance: String
    private let cpus: [UInt32]

    /// Makes the instance.
    ///
    /// - Parameter kilobytes: ring-buffer size per CPU. A lost event fails a scenario, so this is generous.
    init(kilobytes: Int = 8192) throws(KernelError) {
        let path = Self.root + "/instances/ppiov.\(getpid())"
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw KernelError("mkdir of the trace instance \(path)", errno: Errno(rawValue: errno))
        }
        do throws(KernelError) {
            try Self.setUp(path, kilobytes)
        } catch {
            rmdir(path)
            throw error
        }
        let found = KernelFile.list(path + "/per_cpu").compactMap { UInt32($0.dropFirst(3)) }.sorted()
        instance = path
        cpus = found
    }

    private static func setUp(_ path: String, _ kilobytes: Int) throws(KernelError) {
        try KernelFile.write(path + "/buffer_size_kb", "\(kilobytes)")
        // One clock for all CPUs: the events of a pool are merged by it.
        try KernelFile.write(path + "/trace_clock", "mono")
        for event in events { try KernelFile.write(path + "/events/page_pool/\(event)/enable", "1") }
        try KernelFile.write(path + "/tracing_on", "0")
    }

    deinit { rmdir(instance) }

    /// A line that is written to this file is in the trace.
    var marker: String { instance + "/trace_marker" }

    /// The formats that a reader needs to decode the pages.
    borrowing func formats() throws(KernelError) -> [String: String] {
        var formats = ["header_page": try KernelFile.read(Self.root + "/events/header_page")]
        for event in Self.events { formats[event] = try KernelFile.read(instance + "/events/page_pool/\(event)/format") }
        formats["print"] = try KernelFile.read(Self.root + "/events/ftrace/print/format")
        return formats
    }

    /// Empties the buffers and records from now on.
    borrowing func start() throws(KernelError) {
        try KernelFile.write(instance + "/trace", "")
        try KernelFile.write(instance + "/tracing_on", "1")
    }

    borrowing func stop() throws(KernelError) {
        try KernelFile.write(instance + "/tracing_on", "0")
    }

    /// Events that the ring buffers overwrote or dropped since the start.
    borrowing func lost() throws(KernelError) -> UInt64 {
        var lost: UInt64 = 0
        for cpu in cpus {
            let stats = try KernelFile.read(instance + "/per_cpu/cpu\(cpu)/stats")
            for line in stats.filledLines {
                let parts = line.split(separator: ":")
                guard parts.count == 2, ["overrun", "commit overrun", "dropped events"].contains(String(parts[0])),
                    let count = UInt64(parts[1].drop { $0 == " " })
                else { continue }
                lost += count
            }
        }
        return lost
    }

    /// Reads every CPU's pages to the end.
    borrowing func drain(_ deliver: (UInt32, [UInt8]) throws -> Void) throws {
        for cpu in cpus {
            let path = instance + "/per_cpu/cpu\(cpu)/trace_pipe_raw"
            let file: FileDescriptor
            do {
                file = try FileDescriptor.open(FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
            } catch let error as SystemPackage.Errno {
                throw KernelError("open of \(path)", errno: error)
            }
            try file.closeAfter {
                var page = [UInt8](repeating: 0, count: 4096)
                var pages: [UInt8] = []
                while true {
                    do {
                        let count = try page.withUnsafeMutableBytes { try file.read(into: $0) }
                        if count == 0 { break }
                        pages += page[..<count]
                    } catch Errno.wouldBlock {
                        break
                    }
                }
                try deliver(cpu, pages)
            }
        }
    }
}

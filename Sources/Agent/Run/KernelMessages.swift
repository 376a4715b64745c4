// SPDX-License-Identifier: GPL-2.0

import Checks
import Glibc
import KernelABI
import SystemPackage

/// Kernel messages from a point in time on, read from /dev/kmsg (Documentation/ABI/testing/dev-kmsg), as console lines.
struct KernelMessages: ~Copyable {
    private let file: FileDescriptor

    /// Messages from now on.
    init() throws(KernelError) {
        let opened: FileDescriptor
        do {
            opened = try FileDescriptor.open("/dev/kmsg", .readOnly, options: [.nonBlocking, .closeOnExec])
            try opened.seek(offset: 0, from: .end)
        } catch let error as SystemPackage.Errno {
            throw KernelError("reading /dev/kmsg", errno: error)
        } catch {
            throw KernelError("reading /dev/kmsg", errno: .ioError)
        }
        file = opened
    }

    /// The sequence number of the next message; nil before the first.
    private var next: UInt64?

    deinit { try? file.close() }

    /// The messages since the last call. Where the kernel's buffer overwrote messages that were not read (`EPIPE`), a line says how many, as on
    /// a console: with them, the proof is lost that there was no splat.
    mutating func take() throws -> [String] {
        var lines: [String] = []
        var record = [UInt8](repeating: 0, count: 8192)
        while true {
            do {
                let count = try record.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { return lines }
                lines += KernelRecord(record[..<count]).map { $0.lines(after: &next) } ?? []
            } catch SystemPackage.Errno.wouldBlock {
                return lines
            } catch SystemPackage.Errno.brokenPipe {
                // The next record's number says how many are missing, where the one before was read.
                if next == nil { lines.append("** an unknown number of printk messages dropped **") }
            }
        }
    }
}

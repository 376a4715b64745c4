// SPDX-License-Identifier: GPL-2.0

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

    deinit { try? file.close() }

    /// The messages since the last call.
    ///
    /// - Throws: `EPIPE` where the kernel's buffer overwrote messages that were not read: they are lost, and
    ///   with them the proof that there was no splat.
    mutating func take() throws -> [String] {
        var lines: [String] = []
        var record = [UInt8](repeating: 0, count: 8192)
        while true {
            do {
                let count = try record.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { return lines }
                lines += Self.lines(of: String(decoding: record[..<count], as: UTF8.self))
            } catch SystemPackage.Errno.wouldBlock {
                return lines
            }
        }
    }

    /// A record is "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT", then lines with a leading space that describe the device.
    static func lines(of record: String) -> [String] {
        guard let semicolon = record.firstIndex(of: ";") else { return [] }
        let microseconds = record[..<semicolon].split(separator: ",").dropFirst(2).first.flatMap { UInt64($0) } ?? 0
        let fraction = String(microseconds % 1_000_000)
        let stamp = "[\(microseconds / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)] "
        return record[record.index(after: semicolon)...].split(separator: "\n").filter { !$0.hasPrefix(" ") }.map { stamp + $0 }
    }
}

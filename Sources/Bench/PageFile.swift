// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness

enum Bytes {
    static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}

/// One CPU's ring-buffer pages, written to a file as they fill.
struct PageFile {
    static let size = 4096
    private static let capacity = 4080
    /// The number of bytes that are written at once.
    private static let batch = 256 * size

    private let handle: FileHandle
    private let path: String
    private var full: [UInt8] = []
    private var page: [UInt8] = []
    private var pageTime: UInt64 = 0
    private var time: UInt64 = 0

    init(path: String) throws {
        try Files.write(Data(), to: path)
        guard let handle = FileHandle(forWritingAtPath: path) else { throw HarnessError(.harness, "cannot write \(path)") }
        self.handle = handle
        self.path = path
    }

    /// Adds a record of at most 112 bytes, less than 2^27 ns after the one before.
    mutating func append(_ record: [UInt8], at when: UInt64) throws {
        if page.count + 4 + record.count > Self.capacity { try flush() }
        if page.isEmpty {
            pageTime = when
            time = when
        }
        page += Bytes.little(UInt32(truncatingIfNeeded: when - time) << 5 | UInt32(record.count / 4))
        page += record
        time = when
    }

    mutating func close() throws {
        try flush()
        try write()
        try? handle.close()
    }

    private mutating func flush() throws {
        guard !page.isEmpty else { return }
        full += Bytes.little(pageTime) + Bytes.little(UInt64(page.count)) + page
        full += [UInt8](repeating: 0, count: Self.capacity - page.count)
        page.removeAll(keepingCapacity: true)
        if full.count >= Self.batch { try write() }
    }

    private mutating func write() throws {
        do {
            try handle.write(contentsOf: full)
        } catch {
            throw HarnessError(.harness, "cannot write \(path): \(error.localizedDescription)")
        }
        full.removeAll(keepingCapacity: true)
    }

    static func bytes(of path: String) throws -> Data {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) else {
            throw HarnessError(.harness, "cannot read \(path)")
        }
        return data
    }
}

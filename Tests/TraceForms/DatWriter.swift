// SPDX-License-Identifier: GPL-2.0

import LifeCycle
import TestSupport

/// Writes a trace.dat as trace-cmd does (trace-cmd.dat.v6(5), trace-cmd.dat.v7(5)).
public struct DatWriter: Sendable {
    /// Compresses one block; the name is that of the file's header.
    public struct Compression: Sendable {
        public var name: String
        public var compress: @Sendable ([UInt8]) throws -> [UInt8]

        public init(name: String, compress: @escaping @Sendable ([UInt8]) throws -> [UInt8]) {
            self.name = name
            self.compress = compress
        }
    }

    public var version = "7"
    public var endian: UInt8 = 0
    public var compression: Compression?
    public var compressionName: String?
    public var pageSize = 4096
    /// Pages of a chunk.
    public var chunkPages = 2
    /// Ticks of the processor are the time stamps: multiplier and shift.
    public var clock: (multiplier: UInt32, shift: UInt32)?
    /// The option of the first sections is a section of its own, as trace-cmd writes several.
    public var optionSections = 3
    public var isLatency = false
    /// The size of a CPU's compressed data includes the count of the chunks.
    public var sizeHasCount = false

    public init(_ change: (inout DatWriter) -> Void = { _ in }) { change(&self) }

    static func sized(_ text: String) -> [UInt8] { littleEndian(UInt64(text.utf8.count)) + Array(text.utf8) }
    static func word(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

    private static let headers = word("header_page") + sized(Texts.headerPage) + word("header_event") + sized("# compressed\n")
    private static let ftrace = littleEndian(UInt32(2)) + sized("name: function\nID: 1\n") + sized(Texts.print)
    private static var systems: [UInt8] {
        var bytes = littleEndian(UInt32(2)) + word("sched") + littleEndian(UInt32(1)) + sized("name: sched_switch\nID: 9\n")
        bytes += word("page_pool") + littleEndian(UInt32(4)) + sized("name: page_pool_update_nid\nID: 8\n")
        for name in TraceDecoder.formatNames.dropFirst() { bytes += sized(Texts.all[name] ?? "") }
        return bytes
    }

    /// - Parameter buffers: the pages of each instance by CPU; the empty name is that of the top instance.
    public func bytes(_ buffers: [(name: String, pages: [UInt32: [UInt8]])]) throws -> [UInt8] {
        try version == "6" ? version6(buffers) : version7(buffers)
    }

    private var start: [UInt8] { TraceDat.magic + Self.word(version) + [endian, 8] + littleEndian(UInt32(pageSize)) }

    // MARK: - Version 6

    private func version6(_ buffers: [(name: String, pages: [UInt32: [UInt8]])]) -> [UInt8] {
        var file = start + Self.headers + Self.ftrace + Self.systems
        file += littleEndian(UInt32(5)) + Array("ksyms".utf8) + littleEndian(UInt32(0)) + Self.sized("1 init\n")
        let cpus = (buffers.flatMap(\.pages.keys).max() ?? 0) + 1
        file += littleEndian(cpus) + Self.word("options  ") + option(2, Self.word("CPU: 0"))
        if let clock { file += option(14, littleEndian(clock.multiplier) + littleEndian(clock.shift) + littleEndian(UInt64(0))) }
        var places: [Int] = []
        for buffer in buffers where !buffer.name.isEmpty {
            places.append(file.count + 6)
            file += option(3, littleEndian(UInt64(0)) + Self.word(buffer.name))
        }
        file += littleEndian(UInt16(0))
        for buffer in buffers.sorted(by: { $0.name.isEmpty && !$1.name.isEmpty }) {
            if !buffer.name.isEmpty {
                let place = places.removeFirst()
                file.replaceSubrange(place..<place + 8, with: littleEndian(UInt64(file.count)))
            }
            file += Self.word("flyrecord")
            var table = file.count
            file += [UInt8](repeating: 0, count: Int(cpus) * 16)
            for cpu in 0..<cpus {
                file += [UInt8](repeating: 0, count: (pageSize - file.count % pageSize) % pageSize)
                let data = buffer.pages[cpu] ?? []
                file.replaceSubrange(table..<table + 16, with: littleEndian(UInt64(file.count)) + littleEndian(UInt64(data.count)))
                file += data
                table += 16
            }
        }
        return file
    }

    private func option(_ id: UInt16, _ data: [UInt8]) -> [UInt8] { littleEndian(id) + littleEndian(UInt32(data.count)) + data }

    // MARK: - Version 7

    private func version7(_ buffers: [(name: String, pages: [UInt32: [UInt8]])]) throws -> [UInt8] {
        var file = start + Self.word(compressionName ?? compression?.name ?? "none") + Self.word("1.0")
        let first = file.count
        file += littleEndian(UInt64(0))
        var options: [[UInt8]] = []
        for (id, contents) in [(16, Self.headers), (17, Self.ftrace), (18, Self.systems)] as [(UInt16, [UInt8])] {
            options.append(option(id, littleEndian(UInt64(file.count))))
            file += try section(id, contents)
        }
        if let clock { options.append(option(14, littleEndian(clock.multiplier) + littleEndian(clock.shift) + littleEndian(UInt64(0)))) }
        options.append(option(99, [1, 2, 3]))
        for buffer in buffers { options.append(try add(buffer, to: &file)) }
        if isLatency { options.append(option(22, littleEndian(UInt64(0)) + Self.word("") + Self.word("local"))) }
        // The sections of options, each with the place of the next one.
        var patch = first
        let share = max(1, (options.count + optionSections - 1) / optionSections)
        for start in stride(from: 0, to: options.count, by: share) {
            file.replaceSubrange(patch..<patch + 8, with: littleEndian(UInt64(file.count)))
            let contents = options[start..<min(start + share, options.count)].flatMap { $0 } + option(0, littleEndian(UInt64(0)))
            // Not compressed, so that the place of the next one can be written later; trace-cmd does not compress them either.
            file += littleEndian(UInt16(0)) + littleEndian(UInt16(0)) + littleEndian(UInt32(0)) + littleEndian(UInt64(contents.count)) + contents
            patch = file.count - 8
        }
        return file
    }

    private func section(_ id: UInt16, _ contents: [UInt8]) throws -> [UInt8] {
        var body = contents
        if let compression {
            let block = try compression.compress(contents)
            body = littleEndian(UInt32(block.count)) + littleEndian(UInt32(contents.count)) + block
        }
        return littleEndian(id) + littleEndian(UInt16(compression == nil ? 0 : 1)) + littleEndian(UInt32(0)) + littleEndian(UInt64(body.count)) + body
    }

    /// - Returns: the option of the buffer.
    private func add(_ buffer: (name: String, pages: [UInt32: [UInt8]]), to file: inout [UInt8]) throws -> [UInt8] {
        var data = littleEndian(UInt64(file.count)) + Self.word(buffer.name) + Self.word("mono")
        data += littleEndian(UInt32(pageSize)) + littleEndian(UInt32(buffer.pages.count))
        let head = file.count
        file += littleEndian(UInt16(3)) + littleEndian(UInt16(compression == nil ? 0 : 1)) + littleEndian(UInt32(0)) + littleEndian(UInt64(0))
        for (cpu, pages) in buffer.pages.sorted(by: { $0.key < $1.key }) {
            file += [UInt8](repeating: 0, count: (pageSize - file.count % pageSize) % pageSize)
            let offset = file.count
            if let compression {
                let chunks = stride(from: 0, to: pages.count, by: pageSize * chunkPages).map { Array(pages[$0...].prefix(pageSize * chunkPages)) }
                file += littleEndian(UInt32(chunks.count))
                for chunk in chunks {
                    let block = try compression.compress(chunk)
                    file += littleEndian(UInt32(block.count)) + littleEndian(UInt32(chunk.count)) + block
                }
            } else {
                file += pages
            }
            let size = file.count - offset - (compression == nil || sizeHasCount ? 0 : 4)
            data += littleEndian(cpu) + littleEndian(UInt64(offset)) + littleEndian(UInt64(size))
        }
        file.replaceSubrange(head + 8..<head + 16, with: littleEndian(UInt64(file.count - head - 16)))
        return option(3, data)
    }
}

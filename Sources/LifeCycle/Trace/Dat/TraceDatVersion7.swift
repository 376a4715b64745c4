// SPDX-License-Identifier: GPL-2.0

/// Version 7: sections, each with a header and possibly compressed. Sections of options name the places of all others.
extension TraceDat {
    private struct Section {
        var id: UInt16
        var isCompressed: Bool
        var size: UInt64

        /// ID, flags, the place of a description, bytes.
        init(_ file: inout TraceDatCursor) throws(TraceDatError) {
            id = try file.integer(UInt16.self)
            isCompressed = try file.integer(UInt16.self) & 1 != 0
            try file.skip(4)
            size = try file.integer(UInt64.self)
        }
    }

    mutating func readSections(_ file: inout TraceDatCursor, _ read: @escaping Reader) throws(TraceDatError) {
        var next = try file.integer(UInt64.self)
        var places: [TraceDatOption: UInt64] = [:]
        var whole = file
        while next != 0 {
            try limits.addSection(at: next)
            var options = try open(.done, at: next, &whole)
            next = try readOptions(&options, &whole, &places)
        }
        guard let header = places[.headerInfo] else { throw .section("the header of the pages") }
        var section = try open(.headerInfo, at: header, &whole)
        try readHeader(&section)
        if let place = places[.ftraceEvents] {
            section = try open(.ftraceEvents, at: place, &whole)
            try readFormats(&section, [TraceDecoder.markFormatName])
        }
        guard let events = places[.eventFormats] else { throw .section("the formats of events") }
        section = try open(.eventFormats, at: events, &whole)
        try readSystems(&section)
        guard !buffers.isEmpty else { throw .section("pages") }
        buffers.sort { $0.name.isEmpty && !$1.name.isEmpty }
    }

    /// The contents of a section, decompressed.
    private mutating func open(_ kind: TraceDatOption, at offset: UInt64, _ file: inout TraceDatCursor) throws(TraceDatError) -> TraceDatCursor {
        file.at = offset
        let section = try Section(&file)
        guard section.id == kind.rawValue else { throw .truncated(at: offset) }
        _ = try file.end(of: section.size)
        guard section.isCompressed else { return file }
        let bytes = try TraceDatCursor.maximumBlock(file.integer(UInt32.self))
        let size = try TraceDatCursor.maximumBlock(file.integer(UInt32.self))
        guard let decompressor else { throw .damaged(at: offset) }
        try limits.addContents(size)
        let block = try file.bytes(bytes)
        guard let contents = decompressor(block, size), contents.count == size else { throw .damaged(at: offset) }
        return TraceDatCursor(contents)
    }

    /// - Returns: the offset of the next section of options; 0 for none.
    private mutating func readOptions(
        _ options: inout TraceDatCursor, _ file: inout TraceDatCursor, _ places: inout [TraceDatOption: UInt64]
    ) throws(TraceDatError) -> UInt64 {
        while true {
            try limits.addOption()
            let option = TraceDatOption(rawValue: try options.integer(UInt16.self))
            let size = UInt64(try options.integer(UInt32.self))
            let end = try options.end(of: size)
            switch option {
            case .done: return size >= 8 ? try options.integer(UInt64.self) : 0
            case .buffer: try readBuffer(&options, &file)
            case .bufferText: throw .latency
            case .tscToNanoseconds where size >= 16: clock = try TraceClock(&options)
            case .headerInfo, .ftraceEvents, .eventFormats:
                if let option, size >= 8 { places[option] = try options.integer(UInt64.self) }
            default: break
            }
            guard options.at <= end else { throw .truncated(at: options.at) }
            options.at = end
        }
    }

    private mutating func readBuffer(_ options: inout TraceDatCursor, _ file: inout TraceDatCursor) throws(TraceDatError) {
        let offset = try options.integer(UInt64.self)
        var buffer = Buffer(name: try options.word("an instance"))
        _ = try options.word("a clock")
        let pageSize = try options.integer(UInt32.self)
        guard (64...(1 << 22)).contains(pageSize) else { throw .implausible("the size of a page", UInt64(pageSize)) }
        buffer.pageSize = Int(pageSize)
        for _ in 0..<(try options.count("CPUs")) {
            let cpu = try options.integer(UInt32.self)
            try add(cpu: cpu, try options.integer(UInt64.self), try options.integer(UInt64.self), to: &buffer)
        }
        file.at = offset
        let section = try Section(&file)
        guard section.id == TraceDatOption.buffer.rawValue else { throw .truncated(at: offset) }
        buffer.isCompressed = section.isCompressed
        if buffer.isCompressed && decompressor == nil { throw .damaged(at: offset) }
        guard buffers.count < Self.maximumBuffers else { throw .implausible("the number of instances", UInt64(buffers.count)) }
        guard !buffers.contains(where: { $0.name.utf8.elementsEqual(buffer.name.utf8) }) else { throw .twoBuffers(buffer.name) }
        buffers.append(buffer)
    }
}

// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing
import TraceForms

@testable import LifeCycle

@Suite struct RingBufferTests {
    let header: PageHeaderFormat
    let decoder: TraceDecoder

    init() throws {
        header = try PageHeaderFormat(text: Texts.headerPage)
        decoder = try TraceDecoder(formats: Texts.all)
    }

    /// Time stamps and record sizes; the bytes are pushed in chunks.
    func decode(_ bytes: [UInt8], chunk: Int = 1 << 20) throws -> (events: [(UInt64, Int)], missed: [MissedEvents]) {
        var ring = RingBufferDecoder(header: header)
        var events: [(UInt64, Int)] = []
        for start in stride(from: 0, to: bytes.count, by: chunk) {
            try Array(bytes[start..<min(start + chunk, bytes.count)]).withUnsafeBytes { bytes in
                try ring.push(bytes) { time, record in events.append((time, record.count)) }
            }
        }
        try ring.finish()
        return (events, ring.missed)
    }

    @Test func roundTrip() throws {
        var events: [TraceEvent] = []
        for number in 0..<1000 {
            let time = 5_000_000_000 + UInt64(number) * (number % 10 == 0 ? 1 << 28 : 700)
            let netmem = 0xffff_8880_0000_0001 + UInt64(number) * 64
            events.append(
                TraceEvent(
                    time: max(time, events.last?.time ?? 0), cpu: 1, pid: 77, flags: 0x10, pool: 0xffff_8880_03a1_c000,
                    action: number % 3 == 0 ? .release(netmem: netmem, counter: UInt32(number)) : .hold(netmem: netmem, counter: 9)))
        }
        events.append(
            TraceEvent(
                time: (events.last?.time ?? 0) + 1, cpu: 1, pool: 1 << 63,
                action: .poolRelease(inflight: -3, hold: 7, release: 10, attempts: 2)))
        let trace = try decoder.decode(cpu: 1, PageWriter.trace(events))
        #expect(trace.events == events)
        #expect(trace.missed.isEmpty)
        #expect(trace.otherRecords == 0)
        #expect(trace.events.first?.isNetIov == true)
    }

    @Test(arguments: [1, 7, 4095, 4096, 5000]) func chunksOfAnySize(size: Int) throws {
        var writer = PageWriter()
        for number in 0..<300 { writer.record([UInt8](repeating: 1, count: 40), at: 100 + UInt64(number)) }
        writer.flush()
        let result = try decode(writer.bytes, chunk: size)
        #expect(result.events.count == 300)
        #expect(result.events.last?.0 == 399)
    }

    @Test func everyEventType() throws {
        var writer = PageWriter()
        writer.record([0, 0, 0, 0], at: 1000)
        writer.record([UInt8](repeating: 0, count: 200), at: 1010)
        // A discarded event of 8 bytes whose delta counts, and one whose delta means "not zero" only.
        writer.raw(PageWriter.header(type: 29, delta: 5) + littleEndian(UInt32(4)))
        writer.raw(PageWriter.header(type: 29, delta: 1) + littleEndian(UInt32(8)) + [0, 0, 0, 0])
        writer.raw(PageWriter.header(type: 1, delta: 5) + [0, 0, 0, 0])
        // An absolute time stamp, then padding to the end of the page.
        writer.raw(PageWriter.header(type: 31, delta: 7) + littleEndian(UInt32(1)))
        writer.raw(PageWriter.header(type: 1, delta: 0) + [0, 0, 0, 0])
        writer.raw(PageWriter.header(type: 29, delta: 0))
        writer.raw([0xff, 0xff, 0xff, 0xff])
        writer.flush()
        let events = try decode(writer.bytes).events
        #expect(events.map(\.0) == [1000, 1010, 1020, 1 << 27 | 7])
        #expect(events.map(\.1) == [4, 200, 4, 4])
    }

    @Test func absoluteTimeKeepsTheHighBits() throws {
        var writer = PageWriter()
        let base: UInt64 = 0x0800_0000_0000_1000
        writer.record([0, 0, 0, 0], at: base)
        writer.raw(PageWriter.header(type: 31, delta: 0x2000) + littleEndian(UInt32(0)))
        writer.raw(PageWriter.header(type: 1, delta: 0) + [0, 0, 0, 0])
        writer.flush()
        #expect(try decode(writer.bytes).events.map(\.0) == [base, 0x0800_0000_0000_2000])
    }

    @Test func missedEventsAreReported() throws {
        var writer = PageWriter()
        writer.record([0, 0, 0, 0], at: 1)
        writer.flush()
        writer.record([0, 0, 0, 0], at: 2)
        writer.flush(flags: 3 << 30, missed: 17)
        writer.record([0, 0, 0, 0], at: 3)
        writer.flush(flags: 1 << 31)
        let result = try decode(writer.bytes)
        #expect(result.events.count == 3)
        #expect(result.missed == [MissedEvents(page: 1, count: 17), MissedEvents(page: 2, count: nil)])
    }

    /// Pages that were copied in another order: their events would be too many holds, or none.
    @Test func pagesInAnotherOrder() throws {
        var writer = PageWriter()
        for time in [1000, 2000, 3000] as [UInt64] {
            writer.record([0, 0, 0, 0], at: time)
            writer.record([0, 0, 0, 0], at: time + 500)
            writer.flush()
        }
        let pages = (0..<3).map { Array(writer.bytes[$0 * 4096..<($0 + 1) * 4096]) }
        #expect(try decode(pages.flatMap(\.self)).events.map(\.0) == [1000, 1500, 2000, 2500, 3000, 3500])
        #expect(throws: RingBufferError.earlierPage(page: 1)) { try decode(pages[1] + pages[0] + pages[2]) }
        #expect(throws: RingBufferError.earlierPage(page: 2)) { try decode(pages[0] + pages[2] + pages[1]) }
        // A page that has no events has no place.
        #expect(try decode(pages[0] + [UInt8](repeating: 0, count: 4096) + pages[1]).events.count == 4)
    }

    @Test func truncatedPage() {
        let bytes = PageWriter.trace([TraceEvent(time: 1, cpu: 0, pool: 1, action: .hold(netmem: 1, counter: 1))])
        #expect(throws: RingBufferError.truncatedPage(page: 0, bytes: 4000)) { try decode(Array(bytes.prefix(4000))) }
    }

    @Test func wildLengths() throws {
        func page(_ events: [UInt8], commit: UInt32? = nil) -> [UInt8] {
            let whole = littleEndian(UInt64(9)) + littleEndian(UInt64(commit ?? UInt32(events.count))) + events
            return whole + [UInt8](repeating: 0, count: 4096 - whole.count)
        }
        #expect(throws: RingBufferError.commitBeyondPage(page: 0, commit: 4081)) { try decode(page([], commit: 4081)) }
        #expect(throws: RingBufferError.commitBeyondPage(page: 0, commit: 0x3fff_ffff)) {
            try decode(page([], commit: 0x3fff_ffff))
        }
        #expect(throws: RingBufferError.eventBeyondCommit(page: 0, offset: 16)) {
            try decode(page(PageWriter.header(type: 28, delta: 0)))
        }
        #expect(throws: RingBufferError.eventBeyondCommit(page: 0, offset: 16)) { try decode(page([1, 2])) }
        for type in [0, 29] as [UInt32] {
            for length in [0, 3, 5, 0xffff_ffff] as [UInt32] {
                #expect(throws: RingBufferError.badLength(page: 0, offset: 16, length: Int(length))) {
                    try decode(page(PageWriter.header(type: type, delta: 2) + littleEndian(length)))
                }
            }
            #expect(throws: RingBufferError.eventBeyondCommit(page: 0, offset: 16)) {
                try decode(page(PageWriter.header(type: type, delta: 2) + littleEndian(UInt32(0xffff_fffc))))
            }
        }
        for type in [30, 31] as [UInt32] {
            #expect(throws: RingBufferError.eventBeyondCommit(page: 0, offset: 16)) {
                try decode(page(PageWriter.header(type: type, delta: 2)))
            }
        }
        // A full page has no space for the count of missed events: the page is not read after its end.
        let full = page(PageWriter.header(type: 29, delta: 0), commit: 4080 | 3 << 30)
        #expect(try decode(full).missed == [MissedEvents(page: 0, count: nil)])
    }

    /// Random bytes, random bytes with a plausible header, and valid pages with changed bytes give an error or events, never a trap.
    @Test(arguments: 0..<300 as Range<UInt64>) func hostileBytes(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes: [UInt8]
        switch seed % 3 {
        case 0: bytes = (0..<8192).map { _ in UInt8.random(in: 0...255, using: &random) }
        case 1:
            bytes = (0..<4096).map { _ in UInt8.random(in: 0...255, using: &random) }
            let commit = UInt64.random(in: 0...4080, using: &random)
            bytes.replaceSubrange(8..<16, with: littleEndian(commit | (seed << 30 & 3 << 30)))
        default:
            let events = (1...200).map { TraceEvent(time: $0 * 50, cpu: 0, pool: 2, action: .hold(netmem: $0, counter: 3)) }
            bytes = PageWriter.trace(events)
            for _ in 0..<(1 + seed % 9) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
        }
        if seed % 5 == 0 { bytes.removeLast(Int.random(in: 0..<4096, using: &random)) }
        _ = try? decode(bytes)
        if let trace = try? decoder.decode(cpu: 0, bytes) {
            _ = PoolLedger().examine(trace.events + trace.events)
            _ = try? PoolLedger().examine(.pages([0: ByteSource(bytes), 1: ByteSource(bytes)], decoder))
        }
    }

    @Test func shortRecordsAreAnError() {
        var writer = PageWriter()
        writer.record(littleEndian(UInt16(323)) + [0, 0], at: 4)
        writer.flush()
        #expect(throws: TraceDecodeError.shortRecord(event: "page_pool_state_hold", bytes: 4)) {
            try decoder.decode(cpu: 0, writer.bytes)
        }
    }

    @Test func otherEventsAreSkipped() throws {
        var writer = PageWriter()
        writer.record(littleEndian(UInt16(9)) + [0, 0], at: 4)
        writer.flush()
        let trace = try decoder.decode(cpu: 3, writer.bytes)
        #expect(trace == CPUTrace(cpu: 3, events: [], missed: [], otherRecords: 1))
    }

    @Test func mergeIsByTime() throws {
        func pages(_ times: [UInt64]) -> ByteSource {
            ByteSource(PageWriter.trace(times.map { TraceEvent(time: $0, cpu: 0, pool: 0, action: .hold(netmem: 0, counter: 0)) }))
        }
        func merged(_ sources: [UInt32: ByteSource]) throws -> [TraceEvent] {
            var stream = try PageStream(sources, decoder)
            var events: [TraceEvent] = []
            while let event = try stream.next() { events.append(event) }
            return events
        }
        let events = try merged([0: pages([1, 5, 5, 9]), 1: pages([]), 2: pages([0, 5, 6]), 3: pages([7])])
        #expect(events.map(\.time) == [0, 1, 5, 5, 5, 6, 7, 9])
        #expect(events.map(\.cpu) == [2, 0, 0, 0, 2, 2, 3, 0])
        #expect(try merged([:]).isEmpty)
        // A file can name any number of CPUs; those with the same time are in their order.
        let many = try merged(Dictionary(uniqueKeysWithValues: (0..<300).map { ($0, pages([UInt64($0 * 7 % 10), 20 + UInt64($0 % 3)])) }))
        let keys = many.map { [$0.time, UInt64($0.cpu)] }
        #expect(many.count == 600 && zip(keys, keys.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
    }

    @Test("the events do not depend on how the bytes are split")
    func splitAnywhere() throws {
        let events = (1...500).map { TraceEvent(time: $0 * 50, cpu: 0, pool: 2, action: .hold(netmem: $0, counter: UInt32($0))) }
        let bytes = PageWriter.trace(events)
        for size in [1, 7, 4095, 4096, 4097, 100_000] {
            let source = ByteSource { () throws(TraceReadError) -> ByteSource.Reader in
                var at = 0
                return { () throws(TraceReadError) -> [UInt8] in
                    let end = min(at + size, bytes.count)
                    defer { at = end }
                    return Array(bytes[at..<end])
                }
            }
            var stream = try PageStream([0: source], decoder)
            var count = 0
            while let event = try stream.next() {
                #expect(event == events[count])
                count += 1
            }
            #expect(count == events.count)
        }
    }

    @Test("a mark's format that differs from the others is refused, and a short record is no mark")
    func hostileMarkFormat() throws {
        var formats = Texts.marked
        formats["print"] = Texts.print.replacing("common_pid;\toffset:4", with: "common_pid;\toffset:4000000")
        #expect(throws: TraceFormatError.unusableField(text: "print", field: "common_pid")) { try TraceDecoder(formats: formats) }
        formats["print"] = Texts.print.replacing("ID: 5", with: "ID: 322")
        #expect(throws: TraceFormatError.duplicateID(322)) { try TraceDecoder(formats: formats) }
        var writer = PageWriter()
        writer.record(littleEndian(UInt16(5)) + [0, 0], at: 4)
        writer.flush()
        #expect(try TraceDecoder(formats: Texts.marked).decode(cpu: 0, writer.bytes).otherRecords == 1)
    }
}

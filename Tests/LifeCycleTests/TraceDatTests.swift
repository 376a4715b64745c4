// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing
import TraceForms

@testable import LifeCycle

/// trace.dat of versions 6 and 7. HarnessTests has the compressions; here each byte is inverted.
@Suite struct TraceDatTests {
    static let inversion = DatWriter.Compression(name: "inversion") { $0.map { ~$0 } }
    static let decompressors: [String: TraceDecompressor] = ["inversion": { block, size in block.count == size ? block.map { ~$0 } : nil }]

    static func read(_ bytes: [UInt8]) throws(TraceDatError) -> TraceDat {
        try TraceDat(size: UInt64(bytes.count), decompressors: decompressors) { (offset, count) throws(TraceDatError) -> [UInt8] in
            guard offset <= bytes.count, count <= 1 << 27 else { throw .source("request for \(count) bytes at \(offset)") }
            return Array(bytes[Int(offset)...].prefix(count))
        }
    }

    /// The outcome for each buffer.
    static func outcomes(_ bytes: [UInt8], _ ledger: PoolLedger = ledger) throws -> [String: PoolLedger.Outcome] {
        let dat = try read(bytes)
        var outcomes: [String: PoolLedger.Outcome] = [:]
        for buffer in dat.buffers {
            let pages = buffer.pages.mapValues { range in
                dat.source(of: range, in: buffer) { ByteSource(Array(bytes[Int($0.lowerBound)..<Int($0.upperBound)])) }
            }
            let decoder = try TraceDecoder(formats: dat.formats, pageSize: buffer.pageSize, clock: dat.clock)
            outcomes[buffer.name] = try ledger.examine(.pages(pages, decoder))
        }
        return outcomes
    }

    static let ledger = PoolLedger(begin: .noPools, end: .allPools)
    static let events = Recording.events(12, marks: true)
    static let pages = Recording.pages(events)
    static let top = [(name: "", pages: pages)]

    static let writers: [DatWriter] = [
        DatWriter { $0.version = "6" }, DatWriter(), DatWriter { $0.optionSections = 1 }, DatWriter { $0.compression = inversion },
        DatWriter { ($0.compression, $0.sizeHasCount, $0.chunkPages) = (inversion, true, 1) },
    ]

    @Test("its pages give the same outcome as pages in a folder", arguments: writers.indices)
    func roundTrip(_ index: Int) throws {
        let bytes = try Self.writers[index].bytes(Self.top)
        #expect(try Self.read(bytes).formats == Texts.marked)
        let decoder = try TraceDecoder(formats: Texts.marked)
        let apart = try Self.ledger.examine(.pages(Self.pages.mapValues { ByteSource($0) }, decoder))
        #expect(try Self.outcomes(bytes) == ["": apart])
        #expect(apart.events == Self.events.count && apart.violations == [])
    }

    @Test("each buffer is a trace of its own", arguments: writers.indices)
    func buffers(_ index: Int) throws {
        let other = Recording.events(5, marks: false)
        let bytes = try Self.writers[index].bytes(Self.top + [("net", Recording.pages(other)), ("x", [:])])
        let outcomes = try Self.outcomes(bytes)
        #expect(outcomes.keys.sorted() == ["", "net", "x"])
        #expect(outcomes[""]?.events == Self.events.count)
        #expect(outcomes["net"]?.accounts == Self.ledger.examine(other).accounts)
        #expect(outcomes.values.allSatisfy { $0.violationCount == 0 })
    }

    @Test("pages of another size than header_page has are read", arguments: [1024, 8192, 65536])
    func pageSizes(_ size: Int) throws {
        for compression in [nil, Self.inversion] {
            let writer = DatWriter { ($0.pageSize, $0.compression) = (size, compression) }
            let outcome = try Self.outcomes(try writer.bytes([("", Recording.pages(Self.events, pageSize: size))]))
            #expect(outcome[""]?.events == Self.events.count && outcome[""]?.violationCount == 0)
        }
    }

    @Test("ticks of the processor become nanoseconds", arguments: ["6", "7"])
    func clock(_ version: String) throws {
        // Three ticks for a nanosecond; 2^32 / 3 rounded up.
        let ticks = Self.events.map { event in
            var event = event
            event.time *= 3
            return event
        }
        let writer = DatWriter { ($0.version, $0.clock) = (version, (1_431_655_766, 32)) }
        let outcome = try #require(try Self.outcomes(try writer.bytes([("", Recording.pages(ticks))]))[""])
        let expected = Self.ledger.examine(Self.events)
        #expect(outcome.accounts.map(\.drain).allSatisfy { $0 != nil })
        for (one, other) in zip(outcome.accounts, expected.accounts) {
            #expect(Int64(one.drain ?? 0) - Int64(other.drain ?? 0) < 1000 && Int64(other.drain ?? 0) - Int64(one.drain ?? 0) < 1000)
        }
    }

    @Test("a file that cannot be read gives a specific error")
    func otherKinds() throws {
        func error(_ change: (inout DatWriter) -> Void) throws -> TraceDatError? {
            let bytes = try DatWriter(change).bytes(Self.top)
            return #expect(throws: TraceDatError.self) { try Self.read(bytes) }
        }
        #expect(throws: TraceDatError.notTraceDat) { try Self.read(Array("text".utf8)) }
        #expect(try error { $0.version = "8" } == .version("8"))
        #expect(try error { $0.endian = 1 } == .bigEndian)
        #expect(try error { $0.endian = 0x67 } == .notTraceDat)
        #expect(try error { $0.isLatency = true } == .latency)
        #expect(try error { $0.compressionName = "lzo" } == .compression("lzo"))
        let truncatedRecording = TraceDat.magic + Array("7\0\0\u{8}\0\u{10}\0\0none\0\0".utf8) + littleEndian(UInt64(0))
        #expect(throws: TraceDatError.section("the header of the pages")) { try Self.read(truncatedRecording) }
        #expect(throws: TraceDatError.twoBuffers("")) { try Self.read(DatWriter().bytes(Self.top + Self.top)) }
    }

    @Test("sections of options in a circle end in an error")
    func circle() throws {
        var bytes = try DatWriter { $0.optionSections = 1 }.bytes(Self.top)
        let first = TraceDat.magic.count + 2 + 2 + 4 + 5 + 4
        bytes.replaceSubrange(bytes.count - 8..<bytes.count, with: bytes[first..<first + 8])
        let place = bytes[first..<first + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        #expect(throws: TraceDatError.implausible("the place of a section of options", place)) { try Self.read(bytes) }
    }

    @Test("two CPUs do not have the same pages", arguments: ["6", "7"])
    func samePages(_ version: String) throws {
        var bytes = try DatWriter { $0.version = version }.bytes(Self.top)
        let ranges = try #require(try Self.read(bytes).buffers.first).pages.values.sorted { $0.lowerBound < $1.lowerBound }
        let last = try #require(ranges.last)
        let entry = littleEndian(last.lowerBound) + littleEndian(UInt64(last.count))
        let place = try #require(bytes.indices.dropLast(16).first { bytes[$0..<$0 + 16].elementsEqual(entry) })
        bytes.replaceSubrange(place..<place + 16, with: littleEndian(UInt64(0)) + littleEndian(UInt64(bytes.count)))
        let error = #expect(throws: TraceDatError.self) { try Self.read(bytes) }
        guard case .implausible("the bytes of all pages", _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("what a file has in all is limited")
    func limits() {
        func first(_ add: (inout TraceDatLimits) throws -> Void) -> TraceDatError? {
            var limits = TraceDatLimits()
            return #expect(throws: TraceDatError.self) { for _ in 0...1 << 20 { try add(&limits) } }
        }
        #expect(first { try $0.addOption() } == .implausible("the number of options", 1 << 20 + 1))
        #expect(first { try $0.addCPU() } == .implausible("the number of CPUs of all instances", 1 << 20 + 1))
        #expect(first { try $0.addPages(5, in: 12) } == .implausible("the bytes of all pages", 15))
        #expect(first { try $0.addContents(1 << 25) } == .implausible("the bytes of all sections", 3 << 25))
    }

    @Test("a chunk that is damaged, or that claims another size, is an error")
    func chunks() throws {
        let bytes = try DatWriter { $0.compression = Self.inversion }.bytes(Self.top)
        let range = try #require(try Self.read(bytes).buffers.first?.pages.values.min { $0.lowerBound < $1.lowerBound })
        let start = Int(range.lowerBound)
        for (offset, value) in [(0, 0), (0, 9), (0, .max), (4, 1), (4, .max), (8, 0), (8, 1), (8, .max)] as [(Int, UInt32)] {
            var changed = bytes
            changed.replaceSubrange(start + offset..<start + offset + 4, with: littleEndian(value))
            #expect(throws: TraceReadError.self, "\(offset): \(value)") { try Self.outcomes(changed) }
        }
    }

    @Test("a file that is truncated anywhere is an error", arguments: writers.indices)
    func truncated(_ index: Int) throws {
        let bytes = try Self.writers[index].bytes(Self.top)
        for count in stride(from: 0, to: bytes.count, by: 37) {
            #expect(throws: (any Error).self, "\(count)") { try Self.outcomes(Array(bytes.prefix(count))) }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

@testable import LifeCycle

@Suite struct TraceDatTests {
    /// Writes a trace.dat of two CPUs, in version 6 as trace-cmd 3.1 does.
    struct Writer {
        var version = "6"
        var endian: UInt8 = 0
        var options: [(UInt16, [UInt8])] = [(2, Array("CPU: 0\0".utf8)), (9, [])]
        var kind = "flyrecord"
        var cpus: UInt32 = 2
        var offsets: [(UInt64, UInt64)]?

        static func sized(_ text: String) -> [UInt8] { littleEndian(UInt64(text.utf8.count)) + Array(text.utf8) }
        static func word(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

        func bytes(_ pages: [[UInt8]]) -> [UInt8] {
            let word32 = littleEndian as (UInt32) -> [UInt8]
            var head = TraceDat.magic + Self.word(version) + [endian, 8] + word32(4096)
            head += Self.word("header_page") + Self.sized(Texts.headerPage)
            head += Self.word("header_event") + Self.sized("# compressed\n")
            head += word32(2) + Self.sized("name: function\nID: 1\n") + Self.sized(Texts.print)
            head += word32(2) + Self.word("sched") + word32(1) + Self.sized("name: sched_switch\nID: 9\n")
            head += Self.word("page_pool") + word32(4) + Self.sized("name: page_pool_update_nid\nID: 8\n")
            for name in TraceDecoder.formatNames.dropFirst() { head += Self.sized(Texts.all[name] ?? "") }
            head += word32(5) + Array("ksyms".utf8) + word32(0) + Self.sized("1 init\n") + word32(cpus)
            if !options.isEmpty {
                head += Self.word("options  ")
                for (kind, bytes) in options { head += littleEndian(kind) + word32(UInt32(bytes.count)) + bytes }
                head += littleEndian(UInt16(0))
            }
            head += Self.word(kind)
            let start = UInt64(head.count + 4096) / 4096 * 4096
            var at = start
            for (index, data) in pages.enumerated() {
                let place = offsets.map { $0[index] } ?? (at, UInt64(data.count))
                head += littleEndian(place.0) + littleEndian(place.1)
                at += UInt64(data.count)
            }
            return head + [UInt8](repeating: 0, count: Int(start) - head.count) + pages.flatMap { $0 }
        }
    }

    static func read(_ bytes: [UInt8]) throws(TraceDatError) -> TraceDat {
        try TraceDat(size: UInt64(bytes.count)) { (offset, count) throws(TraceDatError) -> [UInt8] in
            guard offset <= bytes.count, count <= 1 << 20 else { throw .source("request for \(count) bytes at \(offset)") }
            return Array(bytes[Int(offset)...].prefix(count))
        }
    }

    static let events = ConformanceTests.schedule(12).events
    static let pages = (0..<2).map { cpu in PageWriter.trace(events.filter { $0.cpu % 2 == UInt32(cpu) }) }

    @Test("its pages give the same outcome as pages in a folder")
    func roundTrip() throws {
        let bytes = Writer().bytes(Self.pages)
        let dat = try Self.read(bytes)
        #expect(dat.formats == Texts.marked)
        let decoder = try TraceDecoder(formats: dat.formats)
        let inside = dat.pages.mapValues { ByteSource(Array(bytes[Int($0.lowerBound)..<Int($0.upperBound)])) }
        let apart = Dictionary(uniqueKeysWithValues: Self.pages.enumerated().map { (UInt32($0), ByteSource($1)) })
        let ledger = PoolLedger(begin: .noPools, end: .allPools)
        let outcome = try ledger.examine(.pages(inside, decoder))
        #expect(outcome == (try ledger.examine(.pages(apart, decoder))))
        #expect(outcome.events == Self.events.count)
    }

    @Test("a CPU without data and a file without options are read")
    func emptyCPU() throws {
        var writer = Writer()
        writer.options = []
        #expect(try Self.read(writer.bytes([Self.pages[0], []])).pages.keys.sorted() == [0])
    }

    @Test("a file that cannot be read gives a specific error")
    func otherKinds() {
        #expect(throws: TraceDatError.notTraceDat) { try Self.read(Array("text".utf8)) }
        #expect(throws: TraceDatError.version("7")) { try Self.read(Writer(version: "7").bytes(Self.pages)) }
        #expect(throws: TraceDatError.bigEndian) { try Self.read(Writer(endian: 1).bytes(Self.pages)) }
        #expect(throws: TraceDatError.latency) { try Self.read(Writer(kind: "latency  ").bytes(Self.pages)) }
        let instance = [(UInt16(3), littleEndian(UInt64(4096)) + Writer.word("net"))]
        #expect(throws: TraceDatError.instance("net")) { try Self.read(Writer(options: instance).bytes(Self.pages)) }
        let top = [(UInt16(3), littleEndian(UInt64(4096)) + Writer.word(""))]
        #expect(throws: Never.self) { try Self.read(Writer(options: top).bytes(Self.pages)) }
        #expect(throws: TraceDatError.implausible("CPUs", 1 << 31)) { try Self.read(Writer(cpus: 1 << 31).bytes(Self.pages)) }
    }

    @Test(
        "an offset after the end of the file is an error",
        arguments: [
            (UInt64.max, 1), (4096, UInt64.max), (1 << 40, 0), (0, 1 << 40), (UInt64.max - 4095, 4096),
        ] as [(UInt64, UInt64)])
    func wildOffsets(_ offset: UInt64, _ count: UInt64) {
        let writer = Writer(offsets: [(offset, count), (0, 0)])
        #expect(throws: TraceDatError.truncated(at: offset)) { try Self.read(writer.bytes(Self.pages)) }
    }

    @Test("a file that is truncated anywhere is an error")
    func truncated() {
        let bytes = Writer().bytes(Self.pages)
        for count in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: TraceDatError.self) { try Self.read(Array(bytes.prefix(count))) }
        }
    }

    @Test("a damaged file is an error or a verdict", arguments: 0..<300 as Range<UInt64>)
    func damaged(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = Writer().bytes(Self.pages)
        for _ in 0..<(1 + seed % 4) {
            // Mostly in the header: damaged pages have their own tests.
            let at = Int.random(in: 0..<min(bytes.count, 4096) - 8, using: &random)
            let words = [0, .max, 1 << 63, UInt64(bytes.count), random.next(), random.next() >> 40]
            let word = words.randomElement(using: &random) ?? 0
            let length = [1, 4, 8].randomElement(using: &random) ?? 1
            bytes.replaceSubrange(at..<at + length, with: littleEndian(word).prefix(length))
        }
        if seed % 5 == 0 {
            let noise = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &random) }
            bytes = TraceDat.magic + Array("6\0\0".utf8) + noise
        }
        guard let dat = try? Self.read(bytes), let decoder = try? TraceDecoder(formats: dat.formats) else { return }
        let sources = dat.pages.mapValues { ByteSource(Array(bytes[Int($0.lowerBound)..<Int($0.upperBound)])) }
        _ = try? PoolLedger().examine(.pages(sources, decoder))
    }
}

// SPDX-License-Identifier: GPL-2.0

import Results
import Scenarios
import Testing

@testable import Harness

@Suite struct TraceStreamTests {
    private func record(_ cpu: UInt32, _ bytes: [UInt8], magic: UInt32 = TraceRecordHeader.magic) -> [UInt8] {
        var record: [UInt8] = []
        for word in [magic, cpu, UInt32(bytes.count)] { withUnsafeBytes(of: word.littleEndian) { record += $0 } }
        return record + bytes
    }

    @Test(arguments: [1, 3, 11, 12, 13, 4096])
    func recordsAreReadFromPiecesOfAnySize(_ size: Int) {
        let all = record(0, [1, 2, 3]) + record(1, []) + record(0, [4]) + record(TraceRecordHeader.endOfScenario, [])
        var stream = TraceStream()
        for start in stride(from: 0, to: all.count, by: size) { stream.feed(Array(all[start..<min(start + size, all.count)])) }
        #expect(stream.pages == [0: [1, 2, 3, 4], 1: []])
        #expect(stream.complete)
        #expect(stream.broken == nil)
    }

    @Test func aTraceWithoutItsEndRecordIsNotComplete() {
        var stream = TraceStream()
        stream.feed(record(0, [1, 2, 3]))
        #expect(!stream.complete)
    }

    @Test func bytesThatAreNotARecordBreakTheStream() {
        var stream = TraceStream()
        stream.feed(record(0, [1], magic: 7))
        #expect(stream.broken != nil)
        var wild = TraceStream()
        wild.feed([0x50, 0x50, 0x54, 0x52, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])
        #expect(wild.broken != nil)
    }

    @Test(arguments: 0..<64)
    func randomBytesNeverTrap(_ seed: Int) {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        let bytes = (0..<400).map { _ -> UInt8 in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state)
        }
        var stream = TraceStream()
        stream.feed(Array("PPTR".utf8) + bytes)
        #expect(!stream.complete || stream.broken != nil || stream.pages.count <= 400)
    }
}

@Suite struct IsolationTests {
    private let scenarios = Catalogue.select(nil)

    @Test func eachScenarioByItself() {
        let units = RunSession.units(scenarios, .scenario)
        #expect(units.allSatisfy { $0.count == 1 })
        #expect(units.flatMap { $0 }.map { $0.id } == scenarios.map { $0.id })
    }

    @Test func groupsShareInOrder() {
        let units = RunSession.units(scenarios, .group)
        #expect(units.allSatisfy { unit in Set(unit.map { $0.group }).count == 1 })
        #expect(units.flatMap { $0 }.map { $0.id } == scenarios.map { $0.id })
        #expect(units.allSatisfy { (1...8).contains($0.count) })
        // The numbers on the machines of a group differ by at most one.
        for run in units.chunked(by: { $0.first?.group == $1.first?.group }) {
            let counts = run.map(\.count)
            #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
        }
    }

    @Test func allOnOneMachine() {
        #expect(RunSession.units(scenarios, .none).count == 1)
        #expect(RunSession.units([], .none).isEmpty)
    }
}

extension Array {
    /// Runs of adjacent elements of which each two belong together.
    fileprivate func chunked(by belong: (Element, Element) -> Bool) -> [[Element]] {
        reduce(into: []) { chunks, element in
            if let last = chunks.last?.last, belong(last, element) {
                chunks[chunks.count - 1].append(element)
            } else {
                chunks.append([element])
            }
        }
    }
}

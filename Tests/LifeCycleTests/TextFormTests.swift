// SPDX-License-Identifier: GPL-2.0

import Testing
import TraceForms

@testable import LifeCycle

/// One set of events through every form of a text: one verdict, and the accounts of the pages.
@Suite struct TextFormTests {
    private static let ledger = PoolLedger(begin: .noPools, end: .allPools)

    private static func pages(_ events: [TraceEvent]) throws -> PoolLedger.Outcome {
        try ledger.examine(.pages(Recording.pages(events).mapValues { ByteSource($0) }, try TraceDecoder(formats: Texts.marked)))
    }

    private static func text(_ events: [TraceEvent], _ form: TextForm) throws -> PoolLedger.Outcome {
        try ledger.examine(.text(ByteSource(form.text(events))))
    }

    @Test("a legal run conforms in every form, and its accounts are those of the pages", arguments: [0, 3] as [UInt64])
    func conforming(_ seed: UInt64) throws {
        for form in TextForm.all {
            let events = Recording.events(seed, marks: form.hasMarks)
            let pages = try Self.pages(events)
            #expect(pages.violations.map(\.message) == [])
            let text = try Self.text(events, form)
            #expect(text.violations.map(\.message) == [], "seed \(seed), \(form)")
            #expect(text.losses.isEmpty, "\(form)")
            #expect(text.accounts == pages.accounts, "seed \(seed), \(form)")
            #expect(text.events == events.count && text.closed == pages.closed, "seed \(seed), \(form)")
        }
    }

    @Test("a run without one of its events conforms in no form", arguments: [1, 4] as [UInt64])
    func broken(_ seed: UInt64) throws {
        var events = Recording.events(seed, marks: false)
        let victim = try #require(events.indices.filter { events[$0].netmem != nil }.dropFirst(Int(seed)).first)
        events.remove(at: victim)
        #expect(try Self.pages(events).violationCount > 0)
        for form in TextForm.all {
            #expect(try Self.text(events, form).violationCount > 0, "seed \(seed), \(form)")
        }
    }

    @Test("the number of forms does not shrink unnoticed")
    func numberOfForms() {
        #expect(TextForm.all.count > 100)
        #expect(Set(TextForm.all.map(\.description)).count > 100)
    }

    @Test("every name that a task can have is read, with the CPU and PID of the columns", arguments: TaskNames.odd)
    func names(_ name: [UInt8]) throws {
        let events = [
            TraceEvent(time: 100_000_060_000, cpu: 2, pid: 102, flags: 0x10, pool: 0x1000, action: .hold(netmem: 0x41, counter: 1)),
            TraceEvent(time: 100_000_050_000, cpu: 1, pid: 101, flags: 0x10, pool: 0x1000, action: .hold(netmem: 0x81, counter: 2)),
        ]
        // Two CPUs whose clocks differ: if the CPU were read from the name, one CPU would go back in time.
        let form = TextForm { $0.names = [name] }
        let lines = form.lines(events).suffix(2)
        for (line, event) in zip(lines, events) {
            let head = try #require(TextLineHead(bytes: line), "\(String(decoding: line, as: UTF8.self))")
            #expect(head.cpu == event.cpu && head.pid == event.pid && head.time == event.time)
        }
        let outcome = try PoolLedger().examine(.text(ByteSource(form.text(events))))
        #expect(outcome.violationCount == 0 && outcome.events == 2)
    }

    @Test("columns that lost their indentation are read", arguments: ["a", "rx[0]", "a-1 [3] 1: b"])
    func withoutIndentation(_ name: String) throws {
        let head = try #require(TextLineHead(bytes: Array("\(name)-77 [002] ..s1. 12.5: x: y-1 [000] ..... 3.0: page_pool_state_hold: hold=1".utf8)))
        #expect(head.cpu == 2 && head.pid == 77 && head.time == 12_500_000_000)
    }
}

extension TextLineHead {
    fileprivate init?(bytes: [UInt8]) { self.init(bytes.span) }
}

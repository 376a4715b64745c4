// SPDX-License-Identifier: GPL-2.0

import Testing
import TraceForms

@testable import LifeCycle

/// Lines without a head: refused by name, counted as a loss, or skipped.
@Suite struct TextNoteTests {
    private static let events = [
        TraceEvent(time: 100_000_000_000, cpu: 0, pid: 7, pool: 0x1000, action: .hold(netmem: 0x41, counter: 1)),
        TraceEvent(time: 100_100_000_000, cpu: 0, pid: 7, pool: 0x1000, action: .release(netmem: 0x41, counter: 1)),
        TraceEvent(time: 100_200_000_000, cpu: 0, pid: 7, pool: 0x1000, action: .poolRelease(inflight: 0, hold: 1, release: 1, attempts: 1)),
    ]

    private static func check(_ text: some Collection<UInt8>) throws -> PoolLedger.Outcome {
        try PoolLedger().examine(.text(ByteSource(Array(text))))
    }

    private static func check(_ lines: [String]) throws -> PoolLedger.Outcome {
        try check(lines.map { $0 + "\n" }.joined().utf8)
    }

    /// The lines of the events with others before the second one.
    private static func check(with lines: String...) throws -> PoolLedger.Outcome {
        var all = TextForm().lines(events).map { String(decoding: $0, as: UTF8.self) }
        all.insert(contentsOf: lines, at: all.count - 2)
        return try check(all)
    }

    private static let state = "page_pool_state_hold: page_pool=0000000000001000 netmem=0000000000000041 is_net_iov=1, pfn=0x0 hold=1"

    private static let otherForms: [(line: String, name: String)] = [
        ("318 0 694260454254 type: 372", "raw"), ("0000013e 00000000 000000a1a525d36e type: 5", "hex"),
        (">\u{1}\u{0}\u{0}n\u{1b}type: 372", "bin"), ("type: 372", "raw"), (state, "context-info"),
        ("[  101.000002][  T200] " + state, "tp_printk"), (" 0)               |  /* \(state) */", "function_graph"),
        ("           nc     318   0 0 00000001 00000000 [296192e6] 20.326ms (+0.032ms): " + state, "verbose"),
        ("           nc     318   0 0 00000001 00000001 [0000000000000003] 2 (+1): " + state, "verbose"),
        ("swapper     0 [000] 10.5: page_pool:" + state, "perf script"), ("  a-7 [000] ..s1. 10.5: page_pool:" + state, "perf script"),
        ("   nc-7       1..s..100000050000: " + state, "--raw-ts"), ("a-7 [000] ..s1. 10.5: UNKNOWN TYPE 5", "fields"),
        ("a-7 [000] ..s1. 10.5: " + state.replacing("hold=1", with: "hold=x"), "counter"), ("nc [000] " + state, "damaged"),
    ]

    @Test("a text that shows events in another form is refused, and the error has the name of the form", arguments: otherForms)
    func refused(_ line: String, _ name: String) throws {
        let error = #expect(throws: TraceReadError.self) { try Self.check(with: line) }
        guard case .line(6, let message) = error else { return #expect(error == nil, "line 6 is refused, not \(String(describing: error))") }
        #expect(message.contains(name), "\(message)")
        #expect(message.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value < 0x7f })
    }

    @Test(
        "a line that shows no event is skipped",
        arguments: [
            " => page_pool_state_hold", "           => page_pool_release (ffffffff81000000)", " => <00007f1200000000>",
            "           nc-7       [000] .....   100.000001: <stack trace>",
            "           nc-7       [000] .....   100.000001: page_pool_alloc_netmems <-x",
            "           nc-7       [000] .....   100.000001: kprobe: (page_pool_state_hold+0x0/0x10) page_pool_release: a=1",
            "           nc-7       [000] .....   100.000001: tracing_mark_write: x-1 [001] ..... 1.0: " + state,
            "           nc-7       [000] .....   100.000001: tracing_mark_write: CPU:1 [LOST 45 EVENTS]",
            "           nc-7       [000] .....   100.000001: tracing_mark_write:  ppiov: user-held 9",
            "           nc-7       [000] .....   100.000001: tracing_mark_write: x ppiov: user-held 9",
            "[  101.0] page_pool_release_retry() stalled pool shutdown: id 3, 1 inflight 60 sec",
            "[  101.0]  ? page_pool_release+0x12/0x30", "[  101.0] RIP: 0010:__traceiter_page_pool_state_hold+0x1/0x2", "CPU:0 [SUBBUFFER START]",
            "cpus=4", "", "\t", "   ",
        ])
    func skipped(_ line: String) throws {
        let outcome = try Self.check(with: line)
        #expect(outcome.violations == [] && outcome.losses.isEmpty)
        #expect(outcome.events == 3)
    }

    @Test(
        "a line that reports lost events is a loss",
        arguments: [
            "CPU:1 [LOST 45 EVENTS]", "CPU:0 [LOST EVENTS]", "CPU:0 [434 EVENTS DROPPED]", "CPU:0 [EVENTS DROPPED]",
            "##### CPU 2 buffer started ####", "# entries-in-buffer/entries-written: 10/55   #P:2",
            "# latency: 0 us, #3/5, CPU#0 | (M:PREEMPT VP:0, KP:0, SP:0 HP:0 #P:2)", "** 45 printk messages dropped **",
        ])
    func lost(_ line: String) throws {
        #expect(try Self.check(with: line).losses.places == 1)
    }

    @Test("a header that cannot be read is an error", arguments: ["# entries-in-buffer/entries-written: 10", "# latency: 0 us, #x/5, CPU#0 |"])
    func badHeader(_ line: String) { #expect(throws: TraceReadError.self) { try Self.check(with: line) } }

    // MARK: - ftrace_dump

    private static let dump = TextForm { ($0.tool, $0.isLatency, $0.prefix) = (.dump, true, "[  101.000002][  T200] ") }

    @Test("the output of ftrace_dump in a console is checked")
    func dumped() throws {
        let around = ["[  100.0] Oops: 0000 [#1] SMP", "** 3 printk messages dropped **"]
        let lines = around + Self.dump.lines(Self.events).map { String(decoding: $0, as: UTF8.self) } + ["[  102.0] ---[ end trace 0 ]---"]
        let outcome = try Self.check(lines)
        #expect(outcome.violations == [] && outcome.losses.isEmpty && outcome.events == 3)
        var missing = lines
        missing.remove(at: 5)
        #expect(try Self.check(missing).violationCount > 0)
        let empty = try Self.check(["Dumping ftrace buffer:", "   (ftrace buffer empty)"])
        #expect(empty.events == 0 && empty.losses.isEmpty)
    }

    @Test("a dump whose end or whose lines are missing is a loss", arguments: 0..<3)
    func cutDump(_ way: Int) throws {
        var lines = Self.dump.lines(Self.events).map { String(decoding: $0, as: UTF8.self) }
        switch way {
        case 0: lines.removeLast()
        case 1: lines.insert("** 3 printk messages dropped **", at: 4)
        default: lines.replaceSubrange(0..<1, with: ["** 3 printk messages dropped **"])
        }
        #expect(try !Self.check(lines).losses.isEmpty)
    }

    @Test("dumps of two instances are two buffers")
    func twoDumps() throws {
        let lines = Self.dump.lines(Self.events).map { String(decoding: $0, as: UTF8.self) }
        let second = [lines[0].replacing("ftrace buffer", with: "ftrace instance net buffer")] + lines.dropFirst()
        #expect(try Self.check(second).violations == [])
        #expect { try Self.check(lines + second) } throws: { "\($0)".contains("the buffer \"net\"") }
    }

    // MARK: - Several buffers in one report

    @Test("a report of one buffer is checked, one of two is refused", arguments: [false, true])
    func twoBuffers(_ isLatency: Bool) throws {
        func report(_ prefix: String) -> [String] {
            TextForm { ($0.tool, $0.isLatency, $0.prefix) = (.traceCmd, isLatency, prefix) }.lines(Self.events)
                .map { String(decoding: $0, as: UTF8.self) }
        }
        let (top, net) = (report("     "), report("net: "))
        #expect(try Self.check(top).violations == [])
        #expect(try Self.check(net).violations == [])
        #expect { try Self.check(zip(top, net).flatMap { [$0, $1] }) } throws: { "\($0)".contains("the buffer \"net\"") }
        // Behind a loss, trace-cmd prints the line of that buffer without its name.
        let bare = TextForm { ($0.tool, $0.isLatency) = (.traceCmd, isLatency) }.lines(Self.events).map { String(decoding: $0, as: UTF8.self) }
        let afterLoss = [net[0], net[1], "net: CPU:0 [EVENTS DROPPED]", bare[2], net[3]]
        #expect(try Self.check(afterLoss).losses.places == 1)
    }

    // MARK: - Bytes

    @Test("a last line without a newline counts as a loss only where it does not conform")
    func truncated() throws {
        let form = TextForm()
        let events = (1...12).flatMap { count in
            [
                TraceEvent(time: UInt64(count) * 2000, cpu: 0, pool: 0x1000, action: .hold(netmem: 0x41, counter: UInt32(count))),
                TraceEvent(time: UInt64(count) * 2000 + 1000, cpu: 0, pool: 0x1000, action: .release(netmem: 0x41, counter: UInt32(count))),
            ]
        }
        let whole = form.text(events).dropLast()
        #expect(try Self.check(whole).violations == [])
        #expect(try Self.check(whole).losses.isEmpty)
        let cut = try Self.check(whole.dropLast())
        #expect(cut.violations == [] && cut.losses.places == 1)
        // What does not conform without the line is broken.
        var broken = events
        broken.remove(at: 5)
        #expect(try Self.check(form.text(broken).dropLast(2)).violationCount > 0)
        #expect(throws: TraceReadError.self) { try Self.check(whole.dropLast(12)) }
    }

    @Test("a byte-order mark, NUL and a line of 10 MB")
    func bytes() throws {
        let text = TextForm().text(Self.events)
        #expect(try Self.check([0xef, 0xbb, 0xbf] + text).events == 3)
        #expect { try Self.check([0xff, 0xfe] + text) } throws: { "\($0)".contains("UTF-16") }
        #expect(try Self.check([0, 10] + text + [0, 10]).events == 3)
        #expect(throws: TraceReadError.self) { try Self.check(text + [UInt8](repeating: 0x41, count: 10 << 20)) }
        // In a field, NUL is damage.
        let damaged = text.map { $0 == UInt8(ascii: "4") ? 0 : $0 }
        #expect(throws: TraceReadError.self) { try Self.check(damaged) }
    }

    @Test("a CPU that goes back in time, and CPUs one after the other, are refused")
    func order() throws {
        var lines = TextForm().lines(Self.events).map { String(decoding: $0, as: UTF8.self) }
        lines.swapAt(lines.count - 1, lines.count - 2)
        #expect { try Self.check(lines) } throws: { "\($0)".contains("goes back in time") }
        let apart = [0, 1].flatMap { cpu in
            [5, 9].map { second in "  a-7 [00\(cpu)] ..... \(second).0: page_pool_state_hold: page_pool=1\(cpu) netmem=\(second)1 hold=1" }
        }
        #expect { try Self.check(apart) } throws: { "\($0)".contains("per_cpu") }
    }
}

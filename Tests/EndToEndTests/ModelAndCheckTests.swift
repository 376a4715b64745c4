// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

extension EndToEnd {
    /// Output and exit status of `ppiov model` and `ppiov check`.
    @Suite struct ModelAndCheck {
        private static let small = ["--buffers", "2", "--user-references", "1"]

        @Test func theThreeDesigns() async throws {
            let scratch = try TemporaryFolder()
            let before = try await Product.run(["model", "--design", "beforeRework"] + Self.small, in: scratch)
            #expect(before.code == 1)
            #expect(before.output.contains("I7 broken after") && before.output.contains("(RFC v3 03/20: fault 1)"))
            #expect(before.output.contains("I3 broken after") && before.output.contains("(RFC v3 03/20: fault 2)"))
            for design in ["rework", "unifiedRefCount"] {
                let outcome = try await Product.run(["model", "--design", design] + Self.small, in: scratch)
                #expect(outcome.code == 0, "\(outcome.output)")
                #expect(outcome.output.split(separator: "\n").count == 3)
                #expect(outcome.output.split(separator: "\n").allSatisfy { $0.contains(": ok: ") })
            }
        }

        @Test func aFaultIsFoundAndDrawn() async throws {
            let scratch = try TemporaryFolder()
            let arguments = ["model", "--design", "unifiedRefCount", "--fault", "refill-unchecked", "--mermaid"]
            let outcome = try await Product.run(arguments + Self.small, in: scratch)
            #expect(outcome.code == 1)
            #expect(outcome.output.contains("    1. NAPI") && outcome.output.contains("[io_zcrx_refill_slow]"))
            #expect(outcome.output.contains("```mermaid\nsequenceDiagram\n"))
            let all = try await Product.run(["model", "--prove-faults"] + Self.small, in: scratch)
            #expect(all.code == 0, "\(all.output)")
            #expect(!all.output.contains("NOT FOUND"))
        }

        @Test func aFaultIsFoundByItsOldName() async throws {
            let arguments = ["model", "--design", "unifiedRefCount", "--provider", "devmem", "--fault", "close-forgets-tokens", "--quiet"]
            let outcome = try await Product.run(arguments + Self.small, in: try TemporaryFolder())
            #expect(outcome.code == 1, "\(outcome.errors)")
            #expect(outcome.output.contains("fault close-omits-token-release: BROKEN"))
        }

        @Test func memoryThatIsUsedUpGivesNoVerdict() async throws {
            let outcome = try await Product.run(
                ["model", "--design", "unifiedRefCount", "--provider", "zcrx", "--memory", "16"], in: try TemporaryFolder())
            #expect(outcome.code == 3)
            #expect(outcome.output.contains("INCOMPLETE") && outcome.output.contains("--memory"))
        }

        // MARK: - check

        private static func line(_ stamp: Int, _ event: String) -> String {
            "  task-1  [000] .....  0.00000\(stamp): \(event)\n"
        }
        private static let hold = line(1, "page_pool_state_hold: page_pool=00000000aa netmem=00000000b0 is_net_iov=1, pfn=0x0 hold=1")
        private static let release = line(2, "page_pool_state_release: page_pool=00000000aa netmem=00000000b0 is_net_iov=1 pfn=0x0 release=1")
        private static let end = line(3, "page_pool_release: page_pool=00000000aa inflight=0 hold=1 release=1 cnt=1")

        @Test func verdicts() async throws {
            let scratch = try TemporaryFolder()
            try scratch.write("good", Self.hold + Self.release + Self.end)
            try scratch.write("bad", Self.hold + Self.end)
            try scratch.write("lossy", "CPU:0 [LOST 3 EVENTS]\n" + Self.hold + Self.release + Self.end)
            try scratch.write("empty", "no event\n")
            let good = try await Product.run(["check", "good"], in: scratch)
            #expect(good.code == 0, "\(good.errors)")
            #expect(good.output.contains("pool 0xaa: net_iovs, held 1 (1 different), released 1"))
            #expect(good.output.contains("good: ok: 3 events, 1 pools, 1 held, 1 released"))
            let bad = try await Product.run(["check", "bad", "good"], in: scratch)
            #expect(bad.code == 1)
            #expect(bad.output.contains("I1 contiguous-counters: pool 0xaa"))
            #expect(bad.output.contains("bad: BROKEN") && bad.output.contains("good: ok"))
            let lossy = try await Product.run(["check", "lossy"], in: scratch)
            #expect(lossy.code == 2)
            #expect(lossy.output.contains("LOST: line 1") && lossy.output.contains("INCOMPLETE"))
            let empty = try await Product.run(["check", "empty"], in: scratch)
            #expect(empty.code == 2)
            // A file without events fails the command, also where the other files have events.
            #expect(try await Product.run(["check", "good", "empty"], in: scratch).code == 2)
            try scratch.write("marks", Self.line(1, "tracing_mark_write: ppiov: closed"))
            #expect(try await Product.run(["check", "marks"], in: scratch).code == 2)
            // A violation in a trace with losses may be a consequence of them.
            try scratch.write("lossybad", "CPU:0 [LOST 3 EVENTS]\n" + Self.hold + Self.end)
            #expect(try await Product.run(["check", "lossybad"], in: scratch).code == 2)
            #expect(empty.output.contains("EMPTY") && empty.errors.contains("nothing was checked"))
        }
    }
}

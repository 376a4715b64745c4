// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@testable import Checks

private func findings(_ oracle: Oracle, _ spoil: (inout Evidence) -> Void) throws -> [String] {
    let result = try judge(spoil)
    #expect(result.verdict == .fail)
    #expect(result.findings.allSatisfy { $0.oracle == oracle }, "\(result.findings)")
    return result.findings.map(\.message)
}

@Suite struct JudgeTests {
    @Test func passes() throws {
        let result = try judge { _ in }
        #expect(result.findings == [])
        #expect(result.verdict == .pass)
        #expect(result.seconds == 2)
        let account = try #require(result.accounts.first)
        #expect(account.provider == .zcrx && account.netIovHolds == 256 && account.netIovReleases == 256 && account.freed)
    }

    @Test func nodevPasses() throws {
        let result = try judge {
            $0.report?.tier = .nodev
            $0.report?.expectation = Expectation(provider: .zcrx, minimumHolds: 0)
            $0.report?.pools = []
            $0.report?.traceBytes = 0
            $0.trace = [0: []]
        }
        #expect(result.findings == [])
        #expect(result.verdict == .pass && result.tier == .nodev)
    }

    @Test func scenario() throws {
        #expect(
            try findings(.scenario) {
                $0.report?.outcome = .failed
                $0.report?.steps = [StepRecord(name: "bind", ok: false, detail: "EEXIST")]
            } == ["step \"bind\" failed: EEXIST"])
        #expect(
            try findings(.scenario) {
                $0.report?.outcome = .failed
                $0.report?.reason = "out of time"
            } == ["out of time"])
        #expect(try findings(.scenario) { $0.report?.scenario = "other" } == ["the report is of other, not of zcrx.basic"])
    }

    @Test func onlyTheFirstFailedStepHasTheList() throws {
        let result = try judge {
            $0.report?.outcome = .failed
            $0.report?.steps = ["receive", "close"].map { StepRecord(name: $0, ok: false, detail: "EPIPE") }
        }
        #expect(result.findings.map(\.message) == ["step \"receive\" failed: EPIPE", "step \"close\" failed: EPIPE"])
        #expect(result.findings.map(\.evidence) == [["failed: receive: EPIPE", "failed: close: EPIPE"], []])
    }

    @Test func pagePool() throws {
        #expect(
            try findings(.pagePool) {
                $0.report?.pools[0].gone = false
                $0.report?.pools[0].pool.inflight = 3
            } == ["page pool 12 (zcrx) is still there with 3 net_iovs in flight, detached"])
        #expect(
            try findings(.pagePool) { $0.report?.pools[0].seenDetached = false }
                == ["no page pool was seen detached with buffers in flight"])
        let none = try findings(.pagePool) { $0.report?.pools = [] }
        #expect(none.first == "could not run: no zcrx page pool was observed")
    }

    /// A real interface makes a pool of pages when the provider is removed. The harness removes its netdevsim, so none may remain.
    @Test func defaultPoolOfAnInterfaceThatStays() throws {
        let own = PoolObservation(
            pool: PoolRecord(id: 13, ifindex: 3, provider: .pages, inflight: 64, detached: false), peakInflight: 64, seenDetached: false,
            gone: false, drainTime: nil)
        let hardware = try judge {
            $0.report?.tier = .hardware
            $0.report?.pools.append(own)
        }
        #expect(hardware.findings == [])
        #expect(
            try findings(.pagePool) { $0.report?.pools.append(own) } == ["page pool 13 (pages) is still there with 64 pages in flight"])
        #expect(
            try findings(.pagePool) {
                $0.report?.tier = .hardware
                $0.report?.pools.append(own)
                $0.report?.pools[1].pool.detached = true
            } == ["page pool 13 (pages) is still there with 64 pages in flight, detached"])
    }

    /// A scenario that skips after it has begun must not leak pools or resources.
    @Test func aLateSkipMustNotLeak() throws {
        let clean = try judge { $0.report?.outcome = .skipped }
        #expect(clean.verdict == .skip)
        #expect(
            try findings(.counters) {
                $0.report?.outcome = .skipped
                $0.report?.after?["fds"] = 10
            } == ["fds was 9 before and is 10 after (+1)"])
        #expect(
            try findings(.pagePool) {
                $0.report?.outcome = .skipped
                $0.report?.pools[0].gone = false
            } == ["page pool 12 is still there after a skip"])
    }

    @Test func kernelLog() throws {
        let bug = "[    2.000000] BUG: KASAN: slab-use-after-free in f+0x1/0x2"
        #expect(
            try findings(.kernelLog) { $0.log = [bug] }
                == ["kasan: BUG: KASAN: slab-use-after-free in f+0x1/0x2"])
        #expect(
            try findings(.kernelLog) { $0.log = nil } == ["could not run: there are no console lines of this scenario"])
    }

    @Test func allowList() throws {
        let day = try #require(Day("2026-06-01"))
        let yesterday = try #require(Day("2026-05-31"))
        let spoil: (inout Evidence) -> Void = { $0.log = ["BUG: KASAN: known"] }
        var list = AllowList(entries: [AllowList.Entry(pattern: "KASAN: known", reason: "r", link: "l", expires: day)])
        #expect(try judge(with: list, spoil).verdict == .pass)
        list.entries[0].expires = yesterday
        let result = try judge(with: list, spoil)
        #expect(result.verdict == .fail)
        #expect(result.findings.first?.message.contains("expired on 2026-05-31: r, l") == true)
    }

    @Test func counters() throws {
        #expect(
            try findings(.counters) { $0.report?.after?["pinned-pages"] = 259 }
                == ["pinned-pages was 256 before and is 259 after (+3)"])
        #expect(
            try findings(.counters) { $0.report?.after?["fds"] = nil } == ["could not run: fds was not read after the scenario"])
        #expect(
            try findings(.counters) { $0.report?.before?["fds"] = nil } == ["could not run: fds was not read before the scenario"])
        #expect(try findings(.counters) { $0.report?.before = nil } == ["could not run: no counters from before the scenario"])
        #expect(try findings(.counters) { $0.report?.after = nil } == ["could not run: no counters from after the scenario"])
        #expect(
            try findings(.counters) {
                $0.report?.before = [:]
                $0.report?.after = [:]
            } == ["could not run: no counter was read"])
    }

    @Test func payload() throws {
        #expect(try findings(.payload) { $0.report?.payload?.firstMismatch = 77 } == ["byte 77 is not the one sent"])
        #expect(try findings(.payload) { $0.report?.payload?.received = 4000 } == ["sent 4096 bytes, received 4000"])
        #expect(
            try findings(.payload) { $0.report?.payload?.copied = 5 }
                == ["5 of 4096 bytes were copied, though zero copy is claimed"])
        #expect(
            try findings(.payload) { $0.report?.payload?.zeroCopy = 0 }
                == ["nothing was received in zero copy, though zero copy is claimed"])
        #expect(try findings(.payload) { $0.report?.payload = nil } == ["could not run: the scenario has no payload record"])
        let partial = try judge {
            $0.report?.payload?.complete = false
            $0.report?.payload?.received = 4000
        }
        #expect(partial.verdict == .pass)
    }

    @Test func traceLeak() throws {
        let result = try judge {
            $0.trace = [0: TraceBytes.run(netIovs: 256, released: 253)]
            $0.report?.traceBytes = 0
        }
        #expect(
            result.findings.map(\.message) == [
                "I7 all-released: pool 0xffff888003a1c000 (zcrx): held 256, released 253: 3 in flight",
                "256 zcrx net_iovs were held and 253 released",
            ])
        #expect(result.findings.map(\.oracle) == [.trace, .exercised])
    }

    @Test func traceViolation() throws {
        let result = try judge {
            $0.trace = [0: TraceBytes.run(netIovs: 4, twice: true)]
            $0.report?.traceBytes = 0
            $0.report?.expectation.minimumHolds = 1
        }
        let violation = try #require(result.findings.first)
        #expect(violation.oracle == .trace && violation.message.hasPrefix("I2 release-of-held: pool 0xffff888003a1c000 released"))
        #expect(!violation.evidence.isEmpty)
    }

    @Test("holds that balance and that no legal run shows are a finding")
    func prediction() throws {
        #expect(try judge { $0.report?.expectation.pools = ExpectedPools(traffic: false) }.findings == [])
        #expect(
            try findings(.trace) { $0.report?.expectation.pools = ExpectedPools(count: 2, traffic: false) }
                == ["as-predicted: 1 pool of net_iovs, a legal run has 2"])
        #expect(
            try findings(.trace) { $0.report?.expectation.pools = ExpectedPools(buffers: 128, traffic: true, posted: 128) }
                == ["as-predicted: pool 0xffff888003a1c000 held 256 different net_iovs, there are 128"])
        // How many buffers real hardware posts is not known.
        let hardware = try judge {
            $0.report?.expectation.pools = ExpectedPools(count: 2, traffic: false)
            $0.report?.tier = .hardware
        }
        #expect(hardware.findings == [])
    }

    @Test func unreliableTrace() throws {
        #expect(try findings(.trace) { $0.trace = nil } == ["could not run: there is no trace of this scenario"])
        #expect(try findings(.trace) { $0.report?.traceLost = 7 } == ["the ring buffer lost 7 events"])
        #expect(try findings(.trace) { $0.formats["header_page"] = nil } == ["could not run: no trace format for header_page"])
        #expect(
            try findings(.trace) { $0.trace?[1] = [1, 2, 3] } == ["could not run: CPU 1: trace page 0: only 3 bytes of it"])
        #expect(try findings(.trace) { $0.report?.traceBytes += 4096 }.first?.hasPrefix("the agent sent") == true)
        let missed = try findings(.trace) { $0.trace?[1] = TraceBytes.page([], flags: 3 << 30, missed: 9) }
        #expect(missed == ["CPU 1: 9 events missing before page 0 of the trace"])
    }

    @Test func exercised() throws {
        #expect(
            try findings(.exercised) { $0.report?.expectation.minimumHolds = 300 }
                == ["only 256 zcrx net_iovs were held, at least 300 expected"])
        #expect(
            try findings(.exercised) { $0.report?.expectation.minimumHolds = 0 }
                == ["256 net_iovs were held, where none should be"])
        #expect(
            try findings(.exercised) {
                $0.trace = [0: []]; $0.report?.traceBytes = 0
            }
                == ["only 0 zcrx net_iovs were held, at least 64 expected"])
    }

    @Test func ordinaryPages() throws {
        let result = try judge {
            let bytes = TraceBytes.run(netIovs: 64, bit: 0)
            $0.trace = [0: bytes]
            $0.report?.traceBytes = UInt64(bytes.count)
            $0.report?.expectation = Expectation(provider: .pages, minimumHolds: 64)
            $0.report?.pools[0].pool.provider = .pages
        }
        #expect(result.findings == [])
        #expect(result.accounts.first?.provider == .pages && result.accounts.first?.netIovHolds == 0)
    }

    @Test func skipped() throws {
        let skip: (inout Evidence) -> Void = {
            $0.report?.outcome = .skipped
            $0.report?.reason = "no zcrx"
            $0.report?.before = nil
            $0.trace = nil
        }
        let result = try judge(skip)
        #expect(result.verdict == .skip && result.reason == "no zcrx" && result.findings == [])
        let splat = try judge {
            skip(&$0)
            $0.log = ["kernel BUG at io_uring/zcrx.c:1!"]
        }
        #expect(splat.verdict == .fail && splat.findings.map(\.oracle) == [.kernelLog])
    }

    /// A skip for a feature that the kernel must have hides that the kernel lost it.
    @Test func guaranteedNeeds() throws {
        func skip(_ needs: Set<Need>?, begun: Bool = false, _ guaranteed: GuaranteedNeeds) throws -> ScenarioResult {
            try judge(guaranteed: guaranteed) {
                $0.needs = needs
                $0.report?.outcome = .skipped
                $0.report?.reason = "no zcrx here"
                if !begun { $0.report?.before = nil }
            }
        }
        let all = GuaranteedNeeds(needs: [.interface, .zcrx, .devmem], coversLateSkips: true)
        let lost = try skip([.interface, .zcrx], all)
        #expect(lost.verdict == .fail && lost.reason == "no zcrx here")
        #expect(lost.findings.map(\.oracle) == [.guaranteedNeeds])
        #expect(
            lost.findings.map(\.message)
                == ["the kernel's version and configuration guarantee all that this scenario needs, but it was skipped: no zcrx here"])
        #expect(try skip([.interface, .zcrx, .hugePages], all).verdict == .skip)
        #expect(try skip([.interface, .zcrx], .none).verdict == .skip)
        // A harness check may skip for any reason.
        #expect(try skip(nil, all).verdict == .skip)
        // What a scenario finds missing after it has begun is in no list of needs.
        #expect(try skip([.zcrx], begun: true, all).verdict == .fail)
        #expect(try skip([.zcrx], begun: true, GuaranteedNeeds(needs: [.zcrx])).verdict == .skip)
        #expect(try skip([.zcrx], GuaranteedNeeds(needs: [.zcrx])).verdict == .fail)
        // Other findings replace this one, and a pass needs no guarantee.
        let splat = try judge(guaranteed: all) {
            $0.report?.outcome = .skipped
            $0.log = ["kernel BUG at io_uring/zcrx.c:1!"]
        }
        #expect(splat.findings.map(\.oracle) == [.kernelLog])
        #expect(try judge(guaranteed: all) { _ in }.verdict == .pass)
    }

    @Test func crashed() throws {
        let result = try judge {
            $0.report = nil
            $0.crash = Crash(.panic, "the guest panicked")
            $0.log = ["Kernel panic - not syncing: Fatal exception"]
        }
        #expect(result.verdict == .crashed && result.reason == "the guest panicked")
        #expect(result.findings.map(\.oracle) == [.kernelLog])
        #expect(try judge { $0.report = nil }.verdict == .crashed)
        #expect(try findings(.machine) { $0.crash = Crash(.machine, "QEMU ended") } == ["QEMU ended"])
    }
}

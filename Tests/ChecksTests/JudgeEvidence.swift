// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@testable import Checks

/// Evidence that passes every oracle. Each test changes one thing.
func goodEvidence() -> Evidence {
    let pool = PoolRecord(id: 12, ifindex: 3, provider: .zcrx, inflight: 0, detached: true)
    let counters = ["pinned-pages": 256 as Int64, "fds": 9]
    let bytes = TraceBytes.run(netIovs: 256)
    let report = ScenarioReport(
        scenario: "zcrx.basic", tier: .netdevsim, outcome: .completed,
        expectation: Expectation(provider: .zcrx, minimumHolds: 64, zeroCopy: true, detachedPool: true, payload: true),
        steps: [StepRecord(name: "register", ok: true)],
        pools: [PoolObservation(pool: pool, peakInflight: 256, seenDetached: true, gone: true, drainTime: 1000)],
        before: counters, after: counters,
        payload: PayloadRecord(sent: 4096, received: 4096, zeroCopy: 4096, copied: 0, firstMismatch: nil, complete: true),
        traceBytes: UInt64(bytes.count))
    return Evidence(
        scenario: "zcrx.basic", tier: .netdevsim, provider: .zcrx, needs: [.interface, .zcrx], report: report, trace: [0: bytes, 1: []],
        formats: TraceBytes.formats, log: ["[    1.000000] nothing of note"], seconds: 2)
}

func judge(
    with allowList: AllowList = AllowList(), guaranteed: GuaranteedNeeds = .none, knownBugs: Bool = true, _ spoil: (inout Evidence) -> Void
) throws -> ScenarioResult {
    var evidence = goodEvidence()
    spoil(&evidence)
    return Judge(allowList: allowList, today: try #require(Day("2026-06-01")), knownBugs: knownBugs, guaranteed: guaranteed).verdict(evidence)
}

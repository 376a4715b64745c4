// SPDX-License-Identifier: GPL-2.0

import Results
import TestSupport
import Testing

@testable import Harness

@Suite struct KernelSelftestTests {
    @Test func aNameMeansAllPlansOfThatProgram() {
        #expect(KernelSelftestCatalogue.plans("devmem.py", setting: nil).map(\.program) == ["drivers/net/hw/devmem.py"])
        #expect(KernelSelftestCatalogue.plans("drivers/net/hw/pp_alloc_fail.py", setting: nil).map(\.setting) == [.interface, .bare])
        #expect(
            KernelSelftestCatalogue.plans(["nk_qlease.py"], setting: .bare).map(\.name) == ["drivers/net/hw/nk_qlease:bare", "net/nk_qlease:bare"])
        #expect(KernelSelftestCatalogue.plans(["pp_alloc_fail.py"], setting: .bare).map(\.name) == ["drivers/net/hw/pp_alloc_fail:bare"])
        // Two of that name.
        #expect(KernelSelftestCatalogue.plans("nk_qlease.py", setting: nil).map(\.program) == ["drivers/net/hw/nk_qlease.py", "net/nk_qlease.py"])
        #expect(
            KernelSelftestCatalogue.plans("drivers/net/hw/rss_ctx.py", setting: nil) == [
                KernelSelftestPlan(program: "drivers/net/hw/rss_ctx.py", setting: .interface)
            ])
        #expect(KernelSelftestCatalogue.plans("net/x.sh", setting: nil) == [KernelSelftestPlan(program: "net/x.sh", setting: .bare)])
    }

    @Test func eachPlanRunsOnce() {
        #expect(KernelSelftestCatalogue.plans([], setting: nil) == KernelSelftestCatalogue.standard)
        #expect(
            KernelSelftestCatalogue.plans(["devmem.py", "hw/devmem.py", "nk_qlease.py"], setting: nil).map(\.name) == [
                "drivers/net/hw/devmem", "drivers/net/hw/nk_qlease", "net/nk_qlease:bare",
            ])
        #expect(KernelSelftestCatalogue.plans([], setting: .bare).allSatisfy { $0.setting == .bare })
    }

    /// Results and folders of one would be those of the other.
    @Test func programsOfOneNameAreRefused() throws {
        let plans = [KernelSelftestPlan(program: "net/foo.sh", setting: .bare), KernelSelftestPlan(program: "net/foo.py", setting: .bare)]
        let error = #expect(throws: HarnessError.self) { try KernelSelftestSession.requireNames(plans) }
        #expect(
            error?.kind == .input
                && error?.message == "net/foo.sh and net/foo.py have the same name in the results, net/foo:bare", "\(error?.message ?? "")")
        try KernelSelftestSession.requireNames(KernelSelftestCatalogue.standard)
    }

    /// For a kernel that was built elsewhere, the key of its selftests is the content of its source.
    @Test(arguments: [
        ("tools/testing/selftests/drivers/net/hw/devmem.py", true), ("tools/testing/selftests/net/new.py", true), ("MAINTAINERS", true),
        ("include/uapi/linux/netdev.h", true), ("tools/testing/selftests/bpf/x.c", false), ("net/core/devmem.c", false),
    ])
    func theKeyDependsOnTheFilesThatTheTestsRead(_ file: String, _ isRead: Bool) throws {
        let scratch = try TemporaryFolder()
        for path in [
            "tools/testing/selftests/drivers/net/hw/devmem.py", "MAINTAINERS", "include/uapi/linux/netdev.h", "tools/testing/selftests/bpf/x.c",
            "net/core/devmem.c",
        ] {
            try scratch.write("tree/" + path, "one\n")
        }
        let key = try KernelSelftestTree.contents(scratch.path + "/tree")
        #expect(try KernelSelftestTree.contents(scratch.path + "/tree") == key)
        try scratch.write("tree/" + file, "two\n")
        #expect(try (KernelSelftestTree.contents(scratch.path + "/tree") != key) == isRead)
    }

    @Test func aTableReplacesThatOfTheSameVersion() {
        let old = "# Title\n\nWords.\n\n## Linux 7.3.1\n\nold\n\n## Linux 7.2.9\n\nkept\n"
        #expect(
            KernelSelftestTable.document(old, with: "## Linux 7.3.4\n\nnew\n")
                == "# Title\n\nWords.\n\n## Linux 7.3.4\n\nnew\n\n## Linux 7.2.9\n\nkept\n")
        #expect(KernelSelftestTable.document("# Title\n", with: "## Linux 7.3.4\n\nnew\n") == "# Title\n\n## Linux 7.3.4\n\nnew\n")
        #expect(
            KernelSelftestTable.document(old, with: "## Linux 7.10\n\nnew\n").hasPrefix(
                "# Title\n\nWords.\n\n## Linux 7.10\n\nnew\n\n## Linux 7.3.1\n"))
        #expect(KernelSelftestTable.document("", with: "## Linux 7.3.4\n\nnew\n") == "## Linux 7.3.4\n\nnew\n")
    }

    @Test func aRowHasHoldsReleasesAndTheReason() {
        var passed = ScenarioResult(scenario: "drivers/net/hw/devmem.check_rx", tier: .netdevsim, provider: .devmem, verdict: .pass)
        passed.accounts = [
            PoolAccount(pool: 1, provider: .devmem, holds: 5, releases: 5, netIovHolds: 4, netIovReleases: 4, peakInflight: 4, freed: true),
            PoolAccount(pool: 2, provider: .devmem, holds: 3, releases: 3, netIovHolds: 3, netIovReleases: 3, peakInflight: 3, freed: true),
        ]
        let skipped = ScenarioResult(scenario: "drivers/net/hw/devmem.check_tx", tier: .netdevsim, provider: .devmem, verdict: .skip, reason: "a|b")
        let failed = ScenarioResult(
            scenario: "drivers/net/hw/devmem.life-cycle", tier: .netdevsim, provider: .devmem, verdict: .fail,
            findings: [Finding(oracle: .trace, message: "I1")])
        let table = KernelSelftestTable(
            release: "7.3.4", plans: [KernelSelftestPlan(program: "drivers/net/hw/devmem.py", setting: .interface)],
            results: [passed, skipped, failed])
        #expect(
            table.markdown == """
                ## Linux 7.3.4

                | Program | Case | Result | net_iovs held, released | Why |
                | --- | --- | --- | --- | --- |
                | drivers/net/hw/devmem.py | check_rx | pass | 7, 7 |  |
                | drivers/net/hw/devmem.py | check_tx | skip |  | a\\|b |
                | drivers/net/hw/devmem.py | life-cycle | fail |  | trace: I1 |

                """)
    }
}

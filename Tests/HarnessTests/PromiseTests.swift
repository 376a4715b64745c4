// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@testable import Harness
@testable import Scenarios

@Suite struct PromiseTests {
    private func skipped(_ id: String, _ needs: Set<Need>, promises: Set<Need>, hidden: Bool = false) -> ScenarioResult {
        let scenario = Scenario(
            id, "for a test", tier: .netdevsim, needs: needs, expects: Expectation(provider: .zcrx, minimumHolds: 1), hidden: hidden
        ) { _ in }
        let result = ScenarioResult(scenario: id, tier: .netdevsim, provider: .zcrx, verdict: .skip, reason: "no zcrx here")
        return UnitRunner.held(result, of: scenario, to: promises)
    }

    @Test("a skip for want of what the kernel was built with is a failure")
    func brokenPromise() {
        let result = skipped("zcrx.idle", [.interface, .zcrx], promises: [.interface, .zcrx, .devmem])
        #expect(result.verdict == .fail)
        #expect(
            result.findings.map(\.message)
                == ["the kernel was built with all that this scenario needs, and yet: no zcrx here"])
    }

    @Test("a skip for want of what it was not built with stays one")
    func noPromise() {
        #expect(skipped("zcrx.idle", [.interface, .zcrx], promises: [.interface]).verdict == .skip)
        #expect(skipped("selftest.skip", [], promises: [.interface], hidden: true).verdict == .skip)
    }

    private static let config = "CONFIG_IO_URING_ZCRX=y\nCONFIG_NET_DEVMEM=y\nCONFIG_UDMABUF=y\nCONFIG_HUGETLBFS=y\n"
    private static let patches = ["0001-netdevsim-accept.patch", "0002-" + NetdevsimModule.largeBuffers, "0004-" + NetdevsimModule.steering]

    private func promises(release: String = "7.3.4", module: String? = "netdevsim.ko", patches: [String]? = patches, config: String = config)
        -> Promises
    {
        var kernel = KernelBuild(
            vmlinux: "", release: release, key: "", source: "", configHash: "", profile: "fast", compiler: "", netdevsim: module,
            netdevsimReason: nil, log: "")
        kernel.netdevsimPatches = patches
        return Promises(kernel, config: config)
    }

    /// What netdevsim lacks the kernel cannot be held to; all else it is.
    @Test func aPatchThatIsMissingIsNoPromise() {
        #expect(promises().needs.isSuperset(of: [.zcrx, .devmem, .devmemPageSize, .largeBuffers, .hugePages]))
        #expect(promises().selftests == [.zcrx, .devmem])
        let first = promises(patches: [Self.patches[0]])
        #expect(first.needs == promises().needs.subtracting([.largeBuffers]))
        #expect(first.selftests.isEmpty)
        let steering = promises(patches: [Self.patches[0], Self.patches[2]])
        #expect(!steering.needs.contains(.largeBuffers))
        #expect(steering.selftests == [.zcrx, .devmem])
        #expect(promises(patches: nil).needs == first.needs)
        #expect(promises(module: nil).needs.isEmpty)
        #expect(promises(config: "").needs.isEmpty)
        #expect(promises(config: "CONFIG_NET_DEVMEM=y\nCONFIG_UDMABUF=y\n").selftests == [.devmem])
    }

    @Test(arguments: [("7.2.13", false), ("7.2.0+", false), ("7.3.0-rc1", true), ("7.3.4", true), ("7.10.0-rc1-next-20261130", true)])
    func theSizeOfNetIovsIsPromisedSince73(_ release: String, _ isPromised: Bool) {
        #expect(promises(release: release).needs.contains(.devmemPageSize) == isPromised)
    }
}

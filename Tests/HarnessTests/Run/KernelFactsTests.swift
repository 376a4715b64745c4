// SPDX-License-Identifier: GPL-2.0

import Checks
import Testing

@testable import Harness

@Suite struct KernelFactsTests {
    private static let patches = ["0001-netdevsim-accept.patch", "0002-" + NetdevsimModule.largeBuffers, "0004-" + NetdevsimModule.steering]

    private func netdevsim(module: String? = "netdevsim.ko", patches: [String]?) -> KernelFacts.Netdevsim? {
        var kernel = KernelBuild(
            vmlinux: "", release: "7.3.4", key: "", source: "", configHash: "", profile: "fast", compiler: "", netdevsim: module,
            netdevsimReason: nil, log: "")
        kernel.netdevsimPatches = patches
        let facts = KernelFacts(kernel, configuration: "CONFIG_NET_DEVMEM=y\n")
        #expect(facts.machine == .harnessGuest && facts.release == "7.3.4" && facts.configuration == "CONFIG_NET_DEVMEM=y\n")
        return facts.netdevsim
    }

    @Test func patchesOfNetdevsim() {
        #expect(netdevsim(patches: Self.patches) == KernelFacts.Netdevsim(largeBuffers: true, steering: true))
        #expect(netdevsim(patches: [Self.patches[0]]) == KernelFacts.Netdevsim(largeBuffers: false, steering: false))
        #expect(netdevsim(patches: [Self.patches[0], Self.patches[2]]) == KernelFacts.Netdevsim(largeBuffers: false, steering: true))
        #expect(netdevsim(patches: nil) == KernelFacts.Netdevsim(largeBuffers: false, steering: false))
        #expect(netdevsim(module: nil, patches: nil) == nil)
    }
}

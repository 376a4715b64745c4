// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@Suite struct KernelVersionTests {
    @Test(arguments: [
        ("7.3.0-rc1-next-20261130", "7.3"), ("7.2.0+", "7.2"), ("6.18.2\n", "6.18"), ("7.10", "7.10"), ("7.2-rc1", "7.2"), ("7", nil), ("", nil),
        ("unknown", nil), (".3", nil),
    ])
    func releases(_ release: String, _ version: String?) { #expect(KernelVersion(release: release)?.description == version) }

    @Test func order() {
        #expect(KernelVersion(7, 2) < KernelVersion(7, 10) && KernelVersion(6, 18) < KernelVersion(7, 0))
        #expect(KernelVersion(release: "7.3.0-rc1") == KernelVersion(7, 3))
    }
}

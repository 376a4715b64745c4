// SPDX-License-Identifier: GPL-2.0

import Checks

extension KernelFacts {
    /// The facts about a kernel that the harness built, and that runs in its guest.
    ///
    /// - Parameter configuration: its final .config; nil where it cannot be read.
    init(_ kernel: KernelBuild, configuration: String?) {
        /// - Parameter name: of the patch, without its number.
        func hasPatch(_ name: String) -> Bool { (kernel.netdevsimPatches ?? []).contains { $0.hasSuffix("-" + name) } }
        self.init(
            release: kernel.release, configuration: configuration,
            netdevsim: kernel.netdevsim.map { _ in
                Netdevsim(largeBuffers: hasPatch(NetdevsimModule.largeBuffers), steering: hasPatch(NetdevsimModule.steering))
            },
            machine: .harnessGuest)
    }
}

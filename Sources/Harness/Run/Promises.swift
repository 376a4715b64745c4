// SPDX-License-Identifier: GPL-2.0

import Results
import Scenarios

/// What a kernel was built with, so that its lack in the guest is the kernel's fault: a skip for want of it is a failure.
struct Promises: Sendable {
    /// What scenarios need of it.
    let needs: Set<Need>
    /// Providers whose selftests have no reason to skip a case; those about large buffers are another matter (`Need.largeBuffers`).
    let selftests: Set<Provider>

    /// Where netdevsim took the first patch the kernel is 7.2 or later, whose zcrx has statistics and does without a device.
    ///
    /// - Parameter config: its final .config.
    init(_ kernel: KernelBuild, config: String) {
        let lines = Set(config.split(separator: "\n"))
        guard kernel.netdevsim != nil, !lines.isEmpty else {
            (needs, selftests) = ([], [])
            return
        }
        /// - Parameter name: behind the patch's number.
        func hasPatch(_ name: String) -> Bool { (kernel.netdevsimPatches ?? []).contains { $0.hasSuffix("-" + name) } }

        var needs: Set<Need> = [.interface, .removableInterface, .pageHold, .queueReset, .reloadableModule]
        if lines.contains("CONFIG_IO_URING_ZCRX=y") { needs.formUnion([.zcrx, .zcrxStatistics, .zcrxNoDevice]) }
        if lines.contains("CONFIG_NET_DEVMEM=y"), lines.contains("CONFIG_UDMABUF=y") {
            needs.formUnion([.devmem, .devmemTransmit])
            if DebianVersion(kernel.release) >= DebianVersion("7.3") { needs.insert(.devmemPageSize) }
        }
        if lines.contains("CONFIG_DEBUG_KMEMLEAK=y") { needs.insert(.kmemleak) }
        if lines.contains("CONFIG_SLUB_DEBUG=y"), lines.contains("CONFIG_SYSFS=y") { needs.insert(.slabCounts) }
        if lines.contains("CONFIG_HUGETLBFS=y") { needs.insert(.hugePages) }
        if hasPatch(NetdevsimModule.largeBuffers) { needs.insert(.largeBuffers) }
        if lines.contains("CONFIG_BPF_SYSCALL=y"), lines.contains("CONFIG_XDP_SOCKETS=y") { needs.insert(.xdp) }
        if lines.contains("CONFIG_DMA_API_DEBUG=y") { needs.insert(.dmaMappings) } else { needs.insert(.repeatedMappings) }
        if lines.contains("CONFIG_FAILSLAB=y"), lines.contains("CONFIG_FAULT_INJECTION_DEBUG_FS=y") { needs.insert(.faultInjection) }
        self.needs = needs
        // Without steering they find no NIC that could run them.
        let needed: [Provider: Need] = [.devmem: .devmem, .zcrx: .zcrx]
        selftests = hasPatch(NetdevsimModule.steering) ? Set(needed.filter { needs.contains($0.value) }.keys) : []
    }
}

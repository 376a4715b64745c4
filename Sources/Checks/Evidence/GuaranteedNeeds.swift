// SPDX-License-Identifier: GPL-2.0

public import Results

/// What a kernel of this version and configuration must have. A scenario that is skipped although all its needs are guaranteed fails: the
/// kernel under test lost a feature, and a skip would hide that.
///
/// Nothing is guaranteed where the configuration is not known. Of a booted machine nothing is guaranteed that depends on more than the
/// kernel's version, its configuration and the facts in `KernelFacts.Machine`:
/// - a network interface of its own, as its driver may lack what a scenario needs;
/// - what later patches of netdevsim add (`largeBuffers`), as a loaded module does not name its patches;
/// - what a boot parameter switches off (`kmemleak=off`, `dma_debug=off`, `slab_merge`, `lockdown=`): `kmemleak`, `dmaMappings`, `slabCounts`, `xdp`;
/// - what is usually a module: `trafficControl`, `netfilter`;
/// - free memory: `hugePages`;
/// - files that only the guest image has: `reloadableModule`;
/// - what a scenario finds missing after it has begun, for which there is no `Need`.
public struct GuaranteedNeeds: Sendable, Equatable {
    /// What scenarios need of the kernel.
    public var needs: Set<Need>
    /// Providers whose kernel selftests have no reason to skip a case. Cases about large buffers need `Need.largeBuffers` too.
    public var kernelSelftests: Set<Provider>
    /// Whether a skip after the scenario has begun counts: everything that such a skip can name is built into the kernel.
    public var coversLateSkips: Bool

    public init(needs: Set<Need> = [], kernelSelftests: Set<Provider> = [], coversLateSkips: Bool = false) {
        self.needs = needs
        self.kernelSelftests = kernelSelftests
        self.coversLateSkips = coversLateSkips
    }

    /// Nothing is guaranteed.
    public static let none = GuaranteedNeeds()

    /// - Parameter kernel: what is known of it.
    public init(_ kernel: KernelFacts) {
        self.init()
        let options = Set((kernel.configuration ?? "").filledLines)
        guard !options.isEmpty else { return }
        func has(_ names: String...) -> Bool { names.allSatisfy { options.contains(Substring("CONFIG_\($0)=y")) } }

        let version = KernelVersion(release: kernel.release)
        func isSince(_ major: Int, _ minor: Int) -> Bool { version.map { $0 >= KernelVersion(major, minor) } ?? false }
        switch kernel.machine {
        case .harnessGuest:
            // The patch applies to the source of 7.2 and later only, including trees whose release is still 7.1.
            guard kernel.netdevsim != nil else { return }
            coversLateSkips = true
            addProviders(zcrx: has("IO_URING_ZCRX"), devmem: has("NET_DEVMEM", "UDMABUF"), pageSize: isSince(7, 3))
            needs.insert(.reloadableModule)
            if has("DEBUG_KMEMLEAK") { needs.insert(.kmemleak) }
            if has("SLUB_DEBUG", "SYSFS") { needs.insert(.slabCounts) }
            if has("HUGETLBFS") { needs.insert(.hugePages) }
            if has("BPF_SYSCALL", "XDP_SOCKETS") { needs.insert(.xdp) }
            if has("NET_SCH_INGRESS", "NET_CLS_MATCHALL", "NET_ACT_PEDIT", "NET_ACT_CSUM", "NET_ACT_MIRRED") { needs.insert(.trafficControl) }
            if has("NF_TABLES_IPV4", "NFT_QUEUE", "NFT_LOG", "NETFILTER_NETLINK_QUEUE", "NETFILTER_NETLINK_LOG") { needs.insert(.netfilter) }
            if has("DMA_API_DEBUG") { needs.insert(.dmaMappings) }
        case .booted(let ioUring, let udmabuf):
            guard isSince(7, 2) else { return }
            addProviders(
                zcrx: ioUring && has("IO_URING_ZCRX"), devmem: udmabuf && has("NET_DEVMEM", "UDMABUF"), pageSize: isSince(7, 3))
        }
        if !has("DMA_API_DEBUG") { needs.insert(.repeatedMappings) }
        if has("FAILSLAB", "FAULT_INJECTION_DEBUG_FS") { needs.insert(.faultInjection) }
        guard let netdevsim = kernel.netdevsim else { return }
        needs.formUnion([.interface, .removableInterface, .pageHold, .queueReset])
        if netdevsim.largeBuffers { needs.insert(.largeBuffers) }
        // Without steering the kernel selftests find no NIC that could run them.
        guard netdevsim.steering else { return }
        if needs.contains(.devmem) { kernelSelftests.insert(.devmem) }
        if needs.contains(.zcrx) { kernelSelftests.insert(.zcrx) }
    }

    /// Linux 7.2 and later: their zcrx has statistics and works without a device.
    ///
    /// - Parameter pageSize: bind-rx takes `rx-page-size` (since 7.3).
    private mutating func addProviders(zcrx: Bool, devmem: Bool, pageSize: Bool) {
        if zcrx { needs.formUnion([.zcrx, .zcrxStatistics, .zcrxNoDevice]) }
        guard devmem else { return }
        needs.formUnion([.devmem, .devmemTransmit])
        if pageSize { needs.insert(.devmemPageSize) }
    }

    /// Whether a kernel selftest of that provider may not skip the case.
    func excludesSkip(of testCase: String, provider: Provider) -> Bool {
        kernelSelftests.contains(provider) && (needs.contains(.largeBuffers) || !testCase.contains("large"))
    }
}

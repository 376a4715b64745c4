// SPDX-License-Identifier: GPL-2.0

import Checks
import Results
import Testing

@Suite struct GuaranteedNeedsTests {
    private static let options = [
        "IO_URING_ZCRX", "NET_DEVMEM", "UDMABUF", "HUGETLBFS", "DEBUG_KMEMLEAK", "SLUB_DEBUG", "SYSFS", "BPF_SYSCALL", "XDP_SOCKETS", "FAILSLAB",
        "FAULT_INJECTION_DEBUG_FS", "NET_SCH_INGRESS", "NET_CLS_MATCHALL", "NET_ACT_PEDIT", "NET_ACT_CSUM", "NET_ACT_MIRRED", "NF_TABLES_IPV4",
        "NFT_QUEUE", "NFT_LOG", "NETFILTER_NETLINK_QUEUE", "NETFILTER_NETLINK_LOG",
    ]
    private static let configuration = options.map { "CONFIG_\($0)=y\n" }.joined()
    private static let full = KernelFacts.Netdevsim(largeBuffers: true, steering: true)

    private func guaranteed(
        release: String = "7.3.4", configuration: String? = configuration, netdevsim: KernelFacts.Netdevsim? = full,
        machine: KernelFacts.Machine = .harnessGuest
    ) -> GuaranteedNeeds {
        GuaranteedNeeds(KernelFacts(release: release, configuration: configuration, netdevsim: netdevsim, machine: machine))
    }

    @Test func guestOfTheHarness() {
        let all = guaranteed()
        #expect(
            all.needs == [
                .interface, .removableInterface, .pageHold, .queueReset, .reloadableModule, .zcrx, .zcrxStatistics, .zcrxNoDevice, .devmem,
                .devmemTransmit, .devmemPageSize, .kmemleak, .slabCounts, .hugePages, .largeBuffers, .xdp, .repeatedMappings, .faultInjection,
                .trafficControl, .netfilter,
            ])
        #expect(all.kernelSelftests == [.zcrx, .devmem] && all.coversLateSkips)
        #expect(
            guaranteed(configuration: Self.configuration + "CONFIG_DMA_API_DEBUG=y\n").needs
                == all.needs.symmetricDifference([.dmaMappings, .repeatedMappings]))
        // A module need not be there.
        #expect(guaranteed(configuration: "CONFIG_NET_DEVMEM=y\nCONFIG_UDMABUF=m\n").needs.isDisjoint(with: [.devmem, .devmemTransmit]))
        #expect(guaranteed(configuration: "CONFIG_NET_DEVMEM=y\nCONFIG_UDMABUF=y\n").kernelSelftests == [.devmem])
    }

    /// Features that the netdevsim lacks are not guaranteed; all others are.
    @Test func patchesOfNetdevsim() {
        let first = guaranteed(netdevsim: KernelFacts.Netdevsim(largeBuffers: false, steering: false))
        #expect(first.needs == guaranteed().needs.subtracting([.largeBuffers]) && first.kernelSelftests.isEmpty)
        let steering = guaranteed(netdevsim: KernelFacts.Netdevsim(largeBuffers: false, steering: true))
        #expect(!steering.needs.contains(.largeBuffers) && steering.kernelSelftests == [.zcrx, .devmem])
        #expect(guaranteed(netdevsim: nil) == .none)
    }

    @Test func unknownConfiguration() {
        for machine in [KernelFacts.Machine.harnessGuest, .booted(ioUring: true, udmabuf: true)] {
            #expect(guaranteed(configuration: nil, machine: machine) == .none)
            #expect(guaranteed(configuration: "", machine: machine) == .none)
        }
    }

    @Test(arguments: [("7.2.13", false), ("7.2.0+", false), ("7.3.0-rc1", true), ("7.3.4", true), ("7.10.0-rc1-next-20261130", true), ("?", false)])
    func pageSizeSince73(_ release: String, _ isGuaranteed: Bool) {
        #expect(guaranteed(release: release).needs.contains(.devmemPageSize) == isGuaranteed)
    }

    /// Of a booted machine only what follows from version, configuration and the facts that were read.
    @Test func bootedMachine() {
        let known = KernelFacts.Netdevsim(largeBuffers: false, steering: false)
        func booted(release: String = "7.3.4\n", netdevsim: KernelFacts.Netdevsim? = known, ioUring: Bool = true, udmabuf: Bool = true)
            -> GuaranteedNeeds
        {
            guaranteed(release: release, netdevsim: netdevsim, machine: .booted(ioUring: ioUring, udmabuf: udmabuf))
        }
        let interface: Set<Need> = [.interface, .removableInterface, .pageHold, .queueReset]
        let zcrx: Set<Need> = [.zcrx, .zcrxStatistics, .zcrxNoDevice]
        let devmem: Set<Need> = [.devmem, .devmemTransmit, .devmemPageSize]
        let rest: Set<Need> = [.repeatedMappings, .faultInjection]
        #expect(booted() == GuaranteedNeeds(needs: interface.union(zcrx).union(devmem).union(rest)))
        // An interface that is not netdevsim, or none.
        #expect(booted(netdevsim: nil).needs == zcrx.union(devmem).union(rest))
        #expect(booted(ioUring: false).needs == interface.union(devmem).union(rest))
        #expect(booted(udmabuf: false).needs == interface.union(zcrx).union(rest))
        #expect(booted(release: "7.2.1").needs == booted().needs.subtracting([.devmemPageSize]))
        #expect(booted(release: "6.18.2") == .none)
        #expect(booted(release: "unknown") == .none)
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
public import KernelABI
public import Results

/// What this kernel and machine have, and which interface and peer the scenarios use.
public final class TestEnvironment {
    /// The interface that scenarios use.
    public enum Wire: Sendable {
        /// A pair of netdevsim devices, made for each scenario.
        case netdevsim
        /// The interface the kernel's driver selftests name in their variables.
        case interface(HardwareInterface)
        /// None: only scenarios without a device can run.
        case none(reason: String)
    }

    public let wire: Wire
    /// nil where the kernel has no zcrx.
    public let zeroCopyFeatures: ZeroCopyReceive.Features?

    private var zeroCopy: ZeroCopyReceive.Features.Receive? { zeroCopyFeatures?.receive }
    public let devmem: Bool
    private let agent: String
    private var peer: Peer?

    /// - Parameters:
    ///   - agent: path of the agent's executable.
    ///   - variables: the environment, for NETIF and its companions.
    public init(agent: String, variables: [String: String]) throws {
        self.agent = agent
        zeroCopyFeatures = try? ZeroCopyReceive.Features.query()
        devmem = Self.hasDevmem()
        if let hardware = try HardwareInterface(variables: variables) {
            wire = .interface(hardware)
        } else if let reason = Netdevsim.whyUnusable() {
            wire = .none(reason: reason)
        } else {
            wire = .netdevsim
        }
    }

    /// Why `need` is not met here; nil where it is.
    public func lacks(_ need: Need) -> String? {
        switch need {
        case .interface:
            if case .none(let reason) = wire { return reason }
        case .removableInterface, .queueReset:
            if case .none(let reason) = wire { return reason }
            if case .interface(let hardware) = wire { return "\(hardware.name) is not a netdevsim that the harness made" }
        case .pageHold:
            if case .interface(let hardware) = wire { return "\(hardware.name) is not a netdevsim that the harness made" }
            if case .none(let reason) = wire { return reason }
        case .zcrx:
            if zeroCopy == nil { return "this kernel has no io_uring zero-copy receive" }
        case .zcrxStatistics:
            guard let features = zeroCopy else { return "this kernel has no io_uring zero-copy receive" }
            if !features.events { return "this kernel's zcrx has no statistics (ZCRX_FEATURE_EVENT): zero copy cannot be proved" }
        case .zcrxNoDevice:
            guard let features = zeroCopy else { return "this kernel has no io_uring zero-copy receive" }
            if !features.noDevice { return "this kernel's zcrx needs a device (no ZCRX_REG_NODEV)" }
        case .zcrxFlush, .zcrxDMABuf, .zcrxSharing, .zcrxAddArea: return lacksZeroCopy(need)
        case .devmem:
            if !devmem { return "this kernel has no devmem TCP (bind-rx of the netdev family) or no /dev/udmabuf" }
        case .devmemPageSize:
            if let reason = lacks(.devmem) { return reason }
            if !Self.acceptsPageSize() { return "this kernel's bind-rx accepts no rx-page-size" }
        case .devmemTransmit:
            return lacks(.devmem) ?? lacks(.interface)
        case .reloadableModule:
            if let reason = lacks(.removableInterface) { return reason }
            if access(Netdevsim.module, R_OK) != 0 { return "\(Netdevsim.module) is not there: netdevsim cannot be loaded again" }
        case .slabCounts:
            if access(AddressSpaces.shrink, W_OK) != 0 || access(AddressSpaces.table, R_OK) != 0 {
                return "this kernel does not count mm_structs (\(AddressSpaces.shrink), \(AddressSpaces.table))"
            }
        case .hugePages:
            if access(HugePages.reserved, W_OK) != 0 { return "this kernel cannot reserve huge pages (\(HugePages.reserved))" }
        case .largeBuffers: return lacks(.interface)
        case .xdp:
            do throws(KernelError) {
                try XDP.probe()
            } catch {
                return "this kernel has no XDP programs or no AF_XDP (CONFIG_BPF_SYSCALL, CONFIG_XDP_SOCKETS): \(error)"
            }
        case .trafficControl:
            do throws(KernelError) {
                try TrafficControl.probe()
            } catch {
                return "this kernel has no tc actions (CONFIG_NET_ACT_PEDIT, CONFIG_NET_ACT_CSUM, CONFIG_NET_ACT_MIRRED): \(error)"
            }
        case .netfilter:
            do throws(KernelError) {
                try PacketFilter.probe()
            } catch {
                return "this kernel has no nf_tables with queues and logs (CONFIG_NF_TABLES_IPV4, CONFIG_NFT_QUEUE, CONFIG_NFT_LOG): \(error)"
            }
        case .dmaMappings:
            if ResourceCounters.dmaMappings() == nil { return "this kernel does not count DMA mappings (no DMA_API_DEBUG): run with --profile debug" }
        case .repeatedMappings:
            if ResourceCounters.dmaMappings() != nil {
                return "this kernel's DMA-API checker reports pages that are mapped several times: run with --profile fast"
            }
        case .kmemleak:
            if access(Kmemleak.path, W_OK) != 0 { return "this kernel has no kmemleak: run with --profile debug" }
        case .faultInjection:
            if access("/proc/self/fail-nth", W_OK) != 0 {
                return "this kernel has no fault injection (no /proc/self/fail-nth): run with --profile debug"
            }
        }
        return nil
    }

    private func lacksZeroCopy(_ need: Need) -> String? {
        guard let features = zeroCopy else { return "this kernel has no io_uring zero-copy receive" }
        switch need {
        case .zcrxFlush where !features.flush: return "this kernel's zcrx cannot flush the refill ring (no ZCRX_CTRL_FLUSH_RQ)"
        case .zcrxDMABuf where features.areaFlags & 1 == 0: return "this kernel's zcrx accepts no dma-buf (no IORING_ZCRX_AREA_DMABUF)"
        case .zcrxDMABuf where !UserDMABuf.isAvailable: return "there is no /dev/udmabuf to make a dma-buf with"
        case .zcrxSharing where !features.sharing: return "this kernel's zcrx cannot share queues (no ZCRX_CTRL_EXPORT and ZCRX_REG_IMPORT)"
        case .zcrxAddArea where !features.addArea: return "this kernel's zcrx cannot add areas to a live queue (no ZCRX_CTRL_ADD_AREA)"
        default: return nil
        }
    }

    /// The tier that a scenario runs on here.
    public func tier(_ tier: Tier) -> Tier {
        if tier == .netdevsim, case .interface = wire { return .hardware }
        return tier
    }

    /// The peer process; it is started where it does not run.
    public func startPeer() throws -> Peer {
        if let peer, (try? peer.perform(.ping)) != nil { return peer }
        let command: [String]
        if case .interface(let hardware) = wire {
            command = hardware.peerCommand(agent: agent)
        } else {
            command = [agent, "peer", "--new-netns"]
        }
        let started = try Peer(command)
        peer = started
        return started
    }

    /// Starts a worker: a process of the agent that does a part of a scenario and can be killed.
    func startWorker(_ arguments: [String]) throws -> ChildProcess {
        try ChildProcess([agent, "worker"] + arguments, name: "the worker")
    }

    /// The kernel checks attributes before the interface, which does not exist here.
    private static func acceptsPageSize() -> Bool {
        do {
            var netdev = try Netdev()
            _ = try netdev.bindRX(ifindex: UInt32(Int32.max), dmabuf: -1, queues: [0], pageSize: 8192)
            return true
        } catch {
            return !(error.code == EINVAL && (error.message ?? "").contains("nknown attribute"))
        }
    }

    private static func hasDevmem() -> Bool {
        guard access("/dev/udmabuf", R_OK | W_OK) == 0 else { return false }
        // A kernel without devmem does not have the command; one with devmem does not find the interface.
        do {
            var netdev = try Netdev()
            _ = try netdev.bindRX(ifindex: UInt32(Int32.max), dmabuf: -1, queues: [0])
            return true
        } catch {
            return error.code != EOPNOTSUPP
        }
    }
}

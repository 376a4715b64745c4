// SPDX-License-Identifier: GPL-2.0

/// One program of the kernel's tools/testing/selftests, and what it is run on.
public struct KernelSelftestPlan: Codable, Sendable, Equatable {
    /// The NIC that the environment of the program names (tools/testing/selftests/drivers/net/README.rst).
    public enum Setting: String, Codable, Sendable, CaseIterable {
        /// None: the program makes netdevsim devices itself, or skips.
        case bare
        /// NETIF and its companions name an interface with a remote end, as for real hardware. Here it is netdevsim.
        case interface
    }

    /// Below tools/testing/selftests: "drivers/net/hw/devmem.py".
    public var program: String
    public var arguments: [String]
    public var setting: Setting
    /// Seconds without a line after which it counts as hung, before scaling.
    public var timeout: Double
    /// The provider of its net_iovs; `pages` where it must have none.
    public var provider: Provider
    /// Cases that hold no net_iov although the program has a provider: those that only transmit, because the net_iovs of a transmit binding
    /// belong to no page pool, and those that bind nothing.
    public var casesWithoutNetIovs: [String]
    /// It changes kernel code that another CPU may be executing: a kprobe in the path of packets, such as that of fail_function.
    public var changesCode: Bool

    public init(
        program: String, arguments: [String] = [], setting: Setting, timeout: Double = 120, provider: Provider = .pages,
        casesWithoutNetIovs: [String] = [], changesCode: Bool = false
    ) {
        self.program = program
        self.arguments = arguments
        self.setting = setting
        self.timeout = timeout
        self.provider = provider
        self.casesWithoutNetIovs = casesWithoutNetIovs
        self.changesCode = changesCode
    }

    /// The step of the report whose detail is the program's exit status.
    public static let exitStep = "exit"

    /// Its name in the results: without the extension, whose dot would divide it.
    public var name: String {
        let stem = program.split(separator: ".").first.map(String.init) ?? program
        return setting == .bare ? stem + ":bare" : stem
    }
}

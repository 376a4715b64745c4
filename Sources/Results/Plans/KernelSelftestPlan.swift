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
    /// Seconds that it may take in all, before scaling: `timeout` in the file `settings` of its folder; nil where that has none, or 0.
    public var limit: Double?
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

    /// The program's name without its extension, which ksft.py puts before the name of each case.
    public var stem: String {
        let last = program.split(separator: "/").last ?? ""
        guard let dot = last.lastIndex(of: "."), dot > last.startIndex else { return String(last) }
        return String(last[..<dot])
    }

    /// Its name in the results: without the extension, and without other dots, which would divide it.
    public var name: String {
        let folder = program.split(separator: "/").dropLast().map { $0 + "/" }.joined()
        let path = (folder + stem).replacing(".", with: "-")
        return setting == .bare ? path + ":bare" : path
    }

    /// What a folder's file `settings` says about the time that each of its programs may take (tools/testing/selftests/kselftest/runner.sh):
    /// the seconds of its last line "timeout=SECONDS"; nil for 0, which is no limit, and where it has none.
    public static func limit(inSettings text: String) -> Double? {
        var limit: Double?
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) where line.starts(with: "timeout=".utf8) {
            let digits = line.dropFirst("timeout=".utf8.count).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            limit = Double(String(decoding: digits, as: UTF8.self)) ?? limit
        }
        return limit == 0 ? nil : limit
    }
}

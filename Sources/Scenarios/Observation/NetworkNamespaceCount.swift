// SPDX-License-Identifier: GPL-2.0

/// How many network namespaces the kernel has, by their reference trackers (CONFIG_NET_NS_REFCNT_TRACKER).
enum NetworkNamespaceCount {
    /// - Throws: `ScenarioSkip` where the kernel does not track them.
    static func read() throws -> Int64 {
        guard let count = try ResourceCounters.read(links: 0)["tracked-namespaces"] else {
            throw ScenarioSkip("this kernel does not list its network namespaces (NET_NS_REFCNT_TRACKER)")
        }
        return count
    }

    /// Waits until there are at most `count`: a namespace ends in a work queue, after its interfaces have left.
    static func wait(for count: Int64, within seconds: Double) throws {
        var now: Int64 = 0
        try Polling.wait(within: seconds, orFail: "there are \(now) network namespaces, more than the \(count) before,") {
            now = try read()
            return now <= count
        }
    }
}

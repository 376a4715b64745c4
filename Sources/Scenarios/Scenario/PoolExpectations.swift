// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// What the netdev family must show of the scenario's page pools, and what the kernel must answer to a request that it refuses.
extension ScenarioRun {
    /// The dump shows a pool of the provider under test.
    func expectProviderPool() throws {
        let provider = scenario.expectation.provider
        let records = try pools.observe()
        try expect(
            records.contains { $0.provider == provider }, "page-pool-get shows the \(provider.rawValue) pool",
            "it shows \(records.map { "pool \($0.id) (\($0.provider.rawValue))" })")
    }

    /// The dump shows the provider's pool detached with buffers in flight, within 5 s.
    func expectDetachedPool(of provider: Provider) throws {
        let seen = try pools.wait(within: timeout(5)) { records in
            records.contains { $0.provider == provider && $0.detached && $0.inflight > 0 }
        }
        try expect(seen, "page-pool-get shows the pool detached with buffers in flight", "it did not within \(timeout(5)) s")
    }

    /// The provider's detached pools have `count` net_iovs in flight within 5 s; 0 where they are released.
    ///
    /// - Parameter name: of the step.
    func expectDetachedInflight(_ count: Int, of provider: Provider, _ name: String) throws {
        var seen = 0
        let reached = try pools.wait(within: timeout(5), runningSoftirqs: true) { records in
            seen = records.filter { $0.provider == provider && $0.detached }.reduce(0) { $0 + Int($1.inflight) }
            return seen == count
        }
        try expect(reached, name, "\(seen) are in flight")
    }

    /// The kernel refused a request with that errno.
    ///
    /// - Parameters:
    ///   - error: the answer; nil where the request was granted.
    ///   - what: the request, for the name of the step.
    func expectRefusal(_ error: KernelError?, _ errno: CInt, _ what: String) throws {
        let name = KernelError("", code: errno).codeName
        try expect(error?.code == errno, "\(what): \(name)", error.map { "\($0)" } ?? "the kernel granted it")
    }
}

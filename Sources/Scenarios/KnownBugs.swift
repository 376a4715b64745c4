// SPDX-License-Identifier: GPL-2.0

public import Results

/// Bugs of released kernels that scenarios meet there. An entry stands for a bug that was understood in the kernel's source, and goes
/// when no kernel that has it is looked at any more; docs/kernel-notes.md tells each at length.
public enum KnownBugs {
    static let all: [(scenario: String, bug: KnownBug)] =
        [
            (
                "beyond.areas.far",
                KnownBug(
                    version: "7.2",
                    reason: "io_zcrx_queue_cqe() (io_uring/zcrx.c) shifts a net_iov's number in 32 bits, so offsets beyond 4 GiB of an area are told "
                        + "wrong; 7.3 widens it first",
                    sign: KnownBug.Sign(.scenario, "step \"all lies beyond 4 GiB\" failed: there is a buffer at "),
                    // Which the scenario takes after that step.
                    consequences: [KnownBug.Sign(.payload, "could not run: the scenario has no payload record")])
            )
        ] + urgent + probed

    /// What follows from any bug that ends the kernel in a softirq.
    private static let panic = KnownBug.Sign(.kernelLog, "panic: Kernel panic - not syncing: Fatal exception in interrupt")

    private static let probed = ["7.2", "7.3"].map { version in
        (
            scenario: "transmit.probed",
            bug: KnownBug(
                version: version,
                reason:
                    "tcp_clone_payload() (net/ipv4/tcp_output.c) makes a probe for the path's MTU of net_iovs and does not say that nobody may read it, "
                    + "so whoever does takes them for pages",
                sign: KnownBug.Sign(.kernelLog, "oops: Oops: general protection fault, probably for non-canonical address"),
                consequences: [panic], endsIn: "__pskb_pull_tail")
        )
    }

    private static let urgent = ["7.2", "7.3"].flatMap { version in
        ["traffic.devmem.urgent", "traffic.zcrx.urgent"].map { scenario in
            (
                scenario: scenario,
                bug: KnownBug(
                    version: version,
                    reason:
                        "tcp_urg() (net/ipv4/tcp_input.c), since 6.12, takes it for impossible that the urgent byte cannot be read, so any peer can end the kernel",
                    sign: KnownBug.Sign(.kernelLog, "bug: kernel BUG at net/ipv4/tcp_input.c:"),
                    consequences: [panic], endsIn: "tcp_urg")
            )
        }
    }

    /// Scenarios that end a released kernel.
    public static let ending = Set(all.filter { $0.bug.endsIn != nil }.map(\.scenario))

    /// What the kernel of that release ("7.2.13-ppiov") is known to do wrong in the scenario.
    public static func of(_ scenario: String, release: String) -> KnownBug? {
        let version = KernelVersion(release: release)?.description
        return all.first { $0.scenario == scenario && $0.bug.version == version }?.bug
    }
}

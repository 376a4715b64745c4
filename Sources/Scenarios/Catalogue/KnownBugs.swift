// SPDX-License-Identifier: GPL-2.0

public import Results

/// Bugs of released kernels that make scenarios fail there. An entry is a bug that was understood in the kernel's source; it is removed when no kernel
/// that has it is tested any more. docs/kernel-notes.md describes each.
public enum KnownBugs {
    static let all: [(scenario: String, bug: KnownBug)] =
        [
            (
                "zcrx.area.far",
                KnownBug(
                    version: "7.2",
                    reason: "io_zcrx_queue_cqe() (io_uring/zcrx.c) shifts a net_iov's number in 32 bits, so it reports wrong offsets "
                        + "above 4 GiB of an area; 7.3 widens the number first",
                    sign: KnownBug.Sign(.scenario, "step \"all buffers are above 4 GiB\" failed: there is a buffer at "),
                    // The scenario records its payload after that step.
                    consequences: [KnownBug.Sign(.payload, "could not run: the scenario has no payload record")])
            )
        ] + urgent + probed + segmented

    /// What follows from any bug that ends the kernel in a softirq.
    private static let panic = KnownBug.Sign(.kernelLog, "panic: Kernel panic - not syncing: Fatal exception in interrupt")

    private static let probed = ["7.2", "7.3"].map { version in
        (
            scenario: "transmit.probed",
            bug: KnownBug(
                version: version,
                reason:
                    "tcp_clone_payload() (net/ipv4/tcp_output.c) makes a probe for the path MTU from net_iovs and does not mark the skb as unreadable, "
                    + "so its readers treat them as pages",
                sign: KnownBug.Sign(.kernelLog, "oops: Oops: general protection fault, probably for non-canonical address"),
                consequences: [panic], endsIn: "__pskb_pull_tail")
        )
    }

    /// The signs are what the receivers report of zeros in place of the payload: zcrx copies them, devmem delivers them as linear data.
    private static let segmented = [
        ("ingress.zcrx.queue-merged", "byte 0 of stream 0 is not the one sent"),
        ("ingress.devmem.queue-merged", "receiving 20000 bytes of stream 0: [KernelABI.DeviceMemory.Fragment(isLinear: true"),
    ].map { scenario, failure in
        (
            scenario: scenario,
            bug: KnownBug(
                version: "7.3",
                reason:
                    "nfqnl_enqueue_packet() (net/netfilter/nfnetlink_queue.c) segments a packet without scatter-gather, and skb_copy_and_csum_bits() "
                    + "(net/core/skbuff.c) fills in zeros for net_iovs, with a checksum that fits them: TCP receives zeros",
                sign: KnownBug.Sign(.scenario, "step \"20000 bytes received and returned\" failed: \(failure)"),
                consequences: [KnownBug.Sign(.payload, "could not run: the scenario has no payload record")])
        )
    }

    private static let urgent = ["7.2", "7.3"].flatMap { version in
        ["traffic.devmem.urgent", "traffic.zcrx.urgent"].map { scenario in
            (
                scenario: scenario,
                bug: KnownBug(
                    version: version,
                    reason:
                        "tcp_urg() (net/ipv4/tcp_input.c), since 6.12, calls BUG() where the urgent byte cannot be read, so any peer can crash the kernel",
                    sign: KnownBug.Sign(.kernelLog, "bug: kernel BUG at net/ipv4/tcp_input.c:"),
                    consequences: [panic], endsIn: "tcp_urg")
            )
        }
    }

    /// Scenarios that crash a released kernel.
    public static let ending = Set(all.filter { $0.bug.endsIn != nil }.map(\.scenario))

    /// The bug of that kernel release ("7.2.13-ppiov") that makes the scenario fail; nil where none is known.
    public static func of(_ scenario: String, release: String) -> KnownBug? {
        let version = KernelVersion(release: release)?.description
        return all.first { $0.scenario == scenario && $0.bug.version == version }?.bug
    }
}

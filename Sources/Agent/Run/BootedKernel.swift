// SPDX-License-Identifier: GPL-2.0

import Checks
import Glibc
import KernelABI
import Scenarios

/// What can be read of the kernel on a machine that the harness did not boot.
enum BootedKernel {
    static func facts(_ environment: TestEnvironment) throws -> KernelFacts {
        let release = try KernelFile.read("/proc/sys/kernel/osrelease")
        var netdevsim: KernelFacts.Netdevsim?
        // A loaded module does not name its patches: nothing is known of those after the first.
        if case .netdevsim = environment.wire { netdevsim = KernelFacts.Netdevsim(largeBuffers: false, steering: false) }
        // Absent before 6.6, which had no such sysctl; 1 allows io_uring for root.
        let disabled = (try? KernelFile.read("/proc/sys/kernel/io_uring_disabled"))?.first
        return KernelFacts(
            release: release, configuration: configuration(release: release.filter { !$0.isWhitespace }), netdevsim: netdevsim,
            machine: .booted(ioUring: disabled == nil || disabled == "0" || disabled == "1", udmabuf: access("/dev/udmabuf", R_OK | W_OK) == 0))
    }

    /// The kernel's configuration: its own copy, or the one that was installed with it.
    ///
    /// - Returns: nil where there is neither. `/proc/config.gz` needs gzip in PATH.
    private static func configuration(release: String) -> String? {
        if access("/proc/config.gz", R_OK) == 0, let text = try? unpacked("/proc/config.gz") { return text }
        for path in ["/boot/config-\(release)", "/lib/modules/\(release)/config", "/lib/modules/\(release)/build/.config"] {
            if let text = try? KernelFile.read(path) { return text }
        }
        return nil
    }

    private static func unpacked(_ path: String) throws -> String? {
        let gzip = try ChildProcess(["gzip", "-dc", path], name: "gzip")
        var text = ""
        while let line = try gzip.lineOrEnd(within: 30) { text += line + "\n" }
        return gzip.exitStatus() == 0 ? text : nil
    }
}

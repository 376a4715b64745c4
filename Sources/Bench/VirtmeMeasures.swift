// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness

/// The same trivial work through virtme-ng, on the same kernel, under the same emulator.
extension Benchmark {
    private static let version = "1.42"

    /// The options that virtme-ng needs in addition to those of ppiov's profile: it shares the host's root over 9p, with overlays.
    static let options = [
        "NETWORK_FILESYSTEMS=y", "NET_9P=y", "NET_9P_VIRTIO=y", "9P_FS=y", "OVERLAY_FS=y",
    ].flatMap { ["--set", $0] }

    func virtme() async throws -> [Measurement] {
        try await installVirtme()
        // Where the copy is built, most of its objects are used again.
        let request = ["--kernel", Files.exists(userTree.path) ? userTree.path : kernel] + Self.options
        report("a kernel with the options that virtme-ng needs")
        let (build, _) = try await product.kernel(request, name: "virtme-kernel")
        let trivial = request + ["--filter", "harness.pass", "--accel", "tcg"]
        let boot = Measurement(name: "harness.pass, booting", seconds: try await wholes(trivial + ["--isolate", "none"], name: "virtme-boot"))
        let snapshot = Measurement(name: "harness.pass, from a snapshot", seconds: try await wholes(trivial, name: "virtme-snapshot"))
        var vng = Measurement(name: "virtme-ng \(Self.version), `true`", seconds: [])
        do {
            vng.seconds = try await times(build.vmlinux)
            vng.note =
                "whole command, as in the two rows before it; same vmlinux, TCG, 2 CPUs, 512 MB; root over 9p. "
                + "It gets the vmlinux; ppiov first checks whether the source has changed (the row `build without a change` has that time)"
        } catch let error as HarnessError where error.kind != .interrupted {
            vng.problem = ([error.message] + error.evidence.suffix(3)).joined(separator: "; ")
        }
        let reference = vng.median.map { Measurement.Reference(name: "virtme-ng", seconds: $0) }
        return [boot, snapshot].map { row in
            var row = row
            row.reference = reference
            return row
        } + [vng]
    }

    /// Whole commands; the first is not counted.
    private func wholes(_ arguments: [String], name: String) async throws -> [Double] {
        var seconds: [Double] = []
        for number in 0...repeats {
            let (run, _) = try await product.scenarios(arguments, name: name)
            if number > 0 { seconds.append(run.seconds) }
        }
        return seconds
    }

    func installVirtme() async throws {
        guard !Files.exists(folder.venv + "/bin/vng") else { return }
        report("installing virtme-ng \(Self.version)")
        try await Command("python3", ["-m", "venv", folder.venv]).output()
        try await Command(folder.venv + "/bin/pip", ["install", "--quiet", "--no-cache-dir", "virtme-ng==\(Self.version)"]).output()
    }

    private func times(_ vmlinux: String) async throws -> [Double] {
        var seconds: [Double] = []
        for number in 0...repeats {
            let spent = try await virtme(vmlinux, proving: number == 0)
            if number > 0 { seconds.append(spent) }
        }
        return seconds
    }

    /// Seconds for one boot of `vmlinux` through virtme-ng, and a trivial command.
    ///
    /// - Parameter proving: the console is logged and must have the command's output. (Where the host has no udev, virtme-ng's output is
    ///   there, too.)
    func virtme(_ vmlinux: String, proving: Bool) async throws -> Double {
        let path = folder.venv + "/bin:" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
        // The guest's shell computes the text, which the command line does not have. The kernel has no ACPI to power off: it restarts, which
        // ends QEMU.
        let script = "echo ppiov-$((40+2)); echo b > /proc/sysrq-trigger"
        let command = Command(
            folder.venv + "/bin/vng",
            (proving ? ["--verbose"] : []) + [
                "--run", vmlinux, "--disable-kvm", "--force-9p", "--cpus", "2", "--memory", "512M", "--append", "root=/dev/root", "--", script,
            ],
            environment: ["PATH": path, "HOME": folder.home, "TMPDIR": folder.home], directory: folder.path)
        let log = folder.log("virtme-ng")
        try? FileManager.default.removeItem(atPath: log)
        let seconds = try await secondsTaken {
            try await withTimeout(120) {
                do {
                    try await command.run(log: log)
                } catch is HarnessError {
                    // A guest that restarts has no exit code for vng: the text on the console counts.
                }
            }
        }
        let text = Files.text(log) ?? ""
        guard !proving || text.contains("ppiov-42") else {
            throw HarnessError(.harness, "virtme-ng did not run the command", evidence: text.split(separator: "\n").suffix(3).map(String.init))
        }
        return seconds
    }

    private func withTimeout(_ seconds: Int, _ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                try await Task.sleep(for: .seconds(seconds))
                return false
            }
            defer { group.cancelAll() }
            guard try await group.next() == true else { throw HarnessError(.harness, "virtme-ng did not end within \(seconds) s") }
        }
    }
}

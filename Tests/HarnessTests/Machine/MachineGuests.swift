// SPDX-License-Identifier: GPL-2.0

import Foundation
import Testing

@testable import Harness

/// What the tests that boot a kernel share: the kernel of PPIOV_TEST_VMLINUX and a stand-in for the agent.
enum Guests {
    static let vmlinux = ProcessInfo.processInfo.environment["PPIOV_TEST_VMLINUX"]

    static let qemu = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .contains { FileManager.default.isExecutableFile(atPath: "\($0)/qemu-system-x86_64") }

    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// The machine's plan, with everything it needs in `folder`.
    static func plan(
        _ folder: TestFolder, options: MachineOptions = MachineOptions(accelerator: .tcg), modules: [String] = [],
        extra: [(guestPath: String, hostPath: String)] = []
    ) async throws -> MachinePlan {
        let vmlinux = try #require(vmlinux)
        let cache = Cache(root: folder.path)
        let agent = folder.path + "/agent"
        try await Command("cc", ["-Os", "-o", agent, repository + "/Tests/Fixtures/machine-agent.c"]).output()
        let image = try await GuestImage.build(agent: agent, initSource: repository + "/vm/init.c", modules: modules, extra: extra, cache: cache)
        let acceleration = try await AccelProbe(cache: cache).resolve(options.accelerator)
        let line = QEMUCommandLine(options: options, acceleration: acceleration, kernel: vmlinux, image: image.path)
        return MachinePlan(line: line, kernelKey: "test", imageKey: image.key)
    }

    /// Whether a process is there: by which a test sees that none was left behind.
    static func processes(_ pid: Int32) -> Bool { FileManager.default.fileExists(atPath: "/proc/\(pid)") }

    static func report(_ what: String, _ duration: Duration) {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
        print("machine: \(what): \(String(format: "%.3f", seconds)) s")
    }
}

extension BoundedQueue<GuestLine> {
    /// The lines up to the first that `contains`, that one included; all of them where none does.
    func lines(to text: String) async -> [String] {
        var lines: [String] = []
        while let line = await next() {
            lines.append(line.text)
            if line.text.contains(text) { break }
        }
        return lines
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import TestSupport
import Testing

@testable import Harness

/// Shared by the tests that boot a kernel: the kernel of `UnderTest` and a program in place of the agent.
enum Guests {
    static let qemu = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .contains { FileManager.default.isExecutableFile(atPath: "\($0)/qemu-system-x86_64") }

    /// The machine's plan, with its files in `folder`.
    static func plan(
        _ folder: TemporaryFolder, options: MachineOptions = MachineOptions(accelerator: .tcg), modules: [String] = [],
        extra: [(guestPath: String, hostPath: String)] = []
    ) async throws -> MachinePlan {
        let vmlinux = try await UnderTest.build().vmlinux
        let cache = Cache(root: folder.path)
        let agent = folder.path + "/agent"
        try await Command("cc", ["-Os", "-o", agent, Repository.path("Tests/Fixtures/machine-agent.c")]).output()
        let image = try await GuestImage.build(agent: agent, initSource: Repository.path("vm/init.c"), modules: modules, extra: extra, cache: cache)
        let acceleration = try await AccelProbe(cache: cache).resolve(options.accelerator)
        let line = QEMUCommandLine(options: options, acceleration: acceleration, kernel: vmlinux, image: image.path)
        return MachinePlan(line: line, kernelKey: "test", imageKey: image.key)
    }

    /// Whether a process of this id exists.
    static func processes(_ pid: Int32) -> Bool { FileManager.default.fileExists(atPath: "/proc/\(pid)") }

    static func report(_ what: String, _ duration: Duration) {
        print("machine: \(what): \(String(format: "%.3f", duration.seconds)) s")
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

// SPDX-License-Identifier: GPL-2.0

import Foundation
public import Testing

extension Tag {
    /// The test boots a kernel in QEMU: it needs the `ppiov` of `UnderTest`, and minutes in place of milliseconds.
    @Tag public static var boots: Self
}

/// The inputs of the tests that boot a kernel: the only three environment variables of the tests. scripts/test sets the first.
public enum UnderTest {
    /// `PPIOV_BIN`: the `ppiov` executable under test, with `ppiov-agent` in the same folder or in `PPIOV_AGENT`; nil where it is not set.
    public static let program: String? = variable("PPIOV_BIN")

    /// `PPIOV_TEST_KERNEL`: the kernel that guests boot, as `ppiov run --kernel` takes it.
    public static let kernel = variable("PPIOV_TEST_KERNEL") ?? "debian:7.3"

    /// `PPIOV_ENDINGS`: at how many moments each command is ended by each signal, for the tables of docs/endings.md; nil where that takes too long.
    public static let moments: Int? = variable("PPIOV_ENDINGS").flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }

    /// The kernel that is built or in the cache, from the output of `ppiov build`.
    public struct Build: Decodable, Sendable {
        /// The path of its vmlinux.
        public var vmlinux: String
        /// The output of `uname -r`.
        public var release: String
    }

    /// The kernel, built where the cache does not have it.
    public static func build() async throws -> Build { try await building.value }

    private static let building = Task {
        guard let program else { throw ConditionTimeout("PPIOV_BIN is not set") }
        let result = try await runProgram([program, "build", "--kernel", kernel])
        guard result.code == 0 else { throw ConditionTimeout("ppiov build ended with \(result.code):\n\(result.errors)") }
        return try JSONDecoder().decode(Build.self, from: Data(result.output.utf8))
    }

    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips the suite where no `ppiov` is given to test. scripts/test matches this text: it builds ppiov and the kernel, and runs the suite again.
    public static var needsProduct: Self {
        .enabled(if: UnderTest.program != nil, "PPIOV_BIN is not set: scripts/test builds ppiov and a kernel, and sets it")
    }
}

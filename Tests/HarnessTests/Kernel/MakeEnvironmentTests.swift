// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

@testable import Harness

@Suite struct MakeEnvironmentTests {
    private static let hostile = [
        "MAKEFLAGS": "-n -j1 --jobserver-auth=3,4", "V": "1", "W": "1", "O": "/x", "ARCH": "arm64", "CROSS_COMPILE": "aarch64-", "KCFLAGS": "-O0",
        "LLVM": "1", "CC": "clang", "KBUILD_OUTPUT": "/x", "KBUILD_EXTRA_WARN": "123", "CONFIG_KASAN": "y", "CFLAGS_dev.o": "-DX", "ccflags-y": "-DX",
        "KBUILD_CFLAGS_MODULE": "-DX", "CPATH": "/x", "LOCALVERSION": "-mine", "CHECK": "x", "ANYTHING": "x",
    ]

    @Test func makeGetsOnlyWhatItNeeds() {
        let passed = MakeEnvironment.passed(of: Self.hostile.merging(["PATH": "/bin", "HOME": "/h", "TMPDIR": "/t"]) { $1 })
        #expect(passed == ["PATH": "/bin", "HOME": "/h", "TMPDIR": "/t"])
        #expect(KernelMake.command([]).inherited?.keys.contains("MAKEFLAGS") == false)
        #expect(KernelMake.command([]).environment["ARCH"] == "x86_64")
    }

    @Test func theVariablesOfABuildByHandAreNamed() {
        let names = MakeEnvironment.ignored(of: Self.hostile.merging(["PATH": "/bin", "KCPPFLAGS": "", "EDITOR": "vi"]) { $1 })
        #expect(names == Set(Self.hostile.keys).subtracting(["CHECK", "ANYTHING"]).sorted())
    }

    @Test func aCommandWithItsOwnEnvironmentInheritsNothing() async throws {
        var command = Command("/usr/bin/env", [], environment: ["B": "2"])
        command.inherited = ["A": "1"]
        #expect(try await command.output().split(separator: "\n").sorted() == ["A=1", "B=2", "LC_ALL=C"])
    }
}

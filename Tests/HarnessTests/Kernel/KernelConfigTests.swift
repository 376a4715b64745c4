// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

@Suite struct KernelConfigTests {
    @Test func theLastRequestWins() throws {
        let options = try ConfigFragment.parse("CONFIG_A=y\nCONFIG_B=m\n# CONFIG_A is not set\n", origin: "f")
        let config = KernelConfig(merging: options)
        #expect(config.text == "CONFIG_B=m\n# CONFIG_A is not set\n")
    }

    @Test func notSetEqualsAbsentEqualsN() throws {
        let config = KernelConfig(merging: try ConfigFragment.parse("CONFIG_A=n\n# CONFIG_B is not set\nCONFIG_C=n\n", origin: "f"))
        #expect(config.unmet(in: "# CONFIG_A is not set\nCONFIG_C=n\n").isEmpty)
    }

    @Test func droppedAndChangedOptionsAreNamedWithTheirOrigin() throws {
        let config = KernelConfig(
            merging: try ConfigFragment.parse("CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=8\n# CONFIG_D is not set\n", origin: "fast.config"))
        let error = #expect(throws: HarnessError.self) {
            try config.requireMet(in: "CONFIG_B=y\nCONFIG_C=8\nCONFIG_D=y\n", version: "7.3.4")
        }
        #expect(error?.kind == .harness)
        #expect(
            error?.evidence == [
                "CONFIG_A: requested y, got n (fast.config:1)", "CONFIG_B: requested m, got y (fast.config:2)",
                "CONFIG_D: requested n, got y (fast.config:4)",
            ])
    }

    @Test func aDroppedSetIsAnInputError() throws {
        let config = KernelConfig(merging: [try ConfigFragment.parseSet("KASAN=y")])
        let error = #expect(throws: HarnessError.self) { try config.requireMet(in: "", version: "7.3.4") }
        #expect(error?.kind == .input)
        #expect(error?.evidence == ["CONFIG_KASAN: requested y, got n (--set KASAN=y)"])
    }

    @Test func optionalEndsAtTheBlankLine() throws {
        let options = try ConfigFragment.parse("# optional\nCONFIG_A=y\nCONFIG_B=y\n\nCONFIG_C=y\n", origin: "f")
        #expect(options.map(\.optional) == [true, true, false])
        #expect(KernelConfig(merging: options).unmet(in: "CONFIG_B=m\n").map(\.option.name) == ["CONFIG_C"])
    }

    @Test func stringsAreQuotedAsKconfigDoes() throws {
        #expect(try ConfigFragment.parseSet("LOCALVERSION=-mine").line == "CONFIG_LOCALVERSION=\"-mine\"")
        #expect(try ConfigFragment.parseSet("CONFIG_NR_CPUS=4").line == "CONFIG_NR_CPUS=4")
        #expect(try ConfigFragment.parseSet("PHYSICAL_START=0x1000000").line == "CONFIG_PHYSICAL_START=0x1000000")
        #expect(try ConfigFragment.parseSet("X=n").line == "# CONFIG_X is not set")
    }

    @Test(arguments: ["", "A", "=y", "A=", "A B=y", "CONFIG_=y"])
    func aMalformedSetIsRefused(_ text: String) {
        #expect(throws: HarnessError.self) { try ConfigFragment.parseSet(text) }
    }

    @Test func aMalformedLineIsNamed() {
        let error = #expect(throws: HarnessError.self) { try ConfigFragment.parse("CONFIG_A=y\nNET=y\n", origin: "my.config") }
        #expect(error?.kind == .input)
        #expect(error?.message.hasPrefix("my.config:2: \"NET=y\"") == true)
    }

    @Test func aProfileStartsFromItsBase() throws {
        let scratch = try TemporaryFolder()
        try scratch.write("fast.config", "CONFIG_A=y\nCONFIG_B=y\n")
        try scratch.write("debug.config", "# base: fast\nCONFIG_B=n\n")
        let extra = try scratch.write("my.config", "CONFIG_C=y\n")
        let config = try KernelConfig(
            request: KernelRequest(source: "", profile: "debug", configFiles: [extra], sets: ["C=n", "D=m"]), folder: scratch.path)
        #expect(config.text == "CONFIG_A=y\n# CONFIG_B is not set\n# CONFIG_C is not set\nCONFIG_D=m\n")
    }

    @Test func unknownProfilesAndEndlessBasesAreRefused() throws {
        let scratch = try TemporaryFolder()
        try scratch.write("a.config", "# base: b\n")
        try scratch.write("b.config", "# base: a\n")
        let unknown = #expect(throws: HarnessError.self) {
            try KernelConfig(request: KernelRequest(source: "", profile: "slow"), folder: scratch.path)
        }
        #expect(unknown?.kind == .input)
        #expect(unknown?.hint == "known profiles: a, b")
        let endless = #expect(throws: HarnessError.self) { try KernelConfig(request: KernelRequest(source: "", profile: "a"), folder: scratch.path) }
        #expect(endless?.message.hasSuffix("a -> b -> a") == true)
        #expect(throws: HarnessError.self) { try KernelConfig(request: KernelRequest(source: "", profile: "../x"), folder: scratch.path) }
    }

    @Test func theShippedProfilesParse() throws {
        let folder = Repository.path("vm/config")
        let fast = try KernelConfig(request: KernelRequest(source: "", profile: "fast"), folder: folder)
        let debug = try KernelConfig(request: KernelRequest(source: "", profile: "debug"), folder: folder)
        #expect(fast.options.contains { $0.name == "CONFIG_PVH" && $0.value == "y" })
        #expect(fast.options.filter(\.optional).map(\.name) == ["CONFIG_IO_URING_ZCRX"])
        #expect(debug.options.contains { $0.name == "CONFIG_KASAN" && $0.value == "y" })
        #expect(debug.options.contains { $0.name == "CONFIG_PVH" && $0.value == "y" })
    }

    @Test func theFirstErrorsOfALogComeFirst() {
        let log = """
              CC      io_uring/zcrx.o
            io_uring/zcrx.c:10:5: error: expected ';' before 'int'
              CC      net/core/dev.o
            make[3]: *** [scripts/Makefile.build:287: io_uring/zcrx.o] Error 1
            make: *** [Makefile:248: __sub-make] Error 2
            """
        #expect(KernelMake.firstErrors(in: log) == ["io_uring/zcrx.c:10:5: error: expected ';' before 'int'"])
        #expect(KernelMake.steps(in: log) == 2)
        let full = KernelMake.explained("building Linux", text: "as: x.o: No space left on device\nmake: *** Error 1\n", log: "/l")
        #expect(full.message == "cannot finish building Linux: the disk is full")
    }
}

// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@Suite struct KTAPReaderTests {
    private typealias Result = KTAPLine.KTAPResult

    @Test(arguments: [
        ("ok 1 devmem.check_rx", Result(ok: true, number: 1, name: "devmem.check_rx", directive: nil, reason: nil)),
        ("not ok 12 hds.ioctl", Result(ok: false, number: 12, name: "hds.ioctl", directive: nil, reason: nil)),
        (
            "ok 2 queues.check_xsk # SKIP AF_XDP unsupported",
            Result(ok: true, number: 2, name: "queues.check_xsk", directive: .skip, reason: "AF_XDP unsupported")
        ),
        (
            "ok 3 a # XFAIL Test does not work on netdevsim",
            Result(ok: true, number: 3, name: "a", directive: .xfail, reason: "Test does not work on netdevsim")
        ),
        ("ok 1 # SKIP", Result(ok: true, number: 1, name: "", directive: .skip, reason: nil)),
        ("ok - named", Result(ok: true, number: nil, name: "named", directive: nil, reason: nil)),
        ("not ok 4 - with # a hash", Result(ok: false, number: 4, name: "with # a hash", directive: nil, reason: nil)),
        ("not ok 5 x # TIMEOUT 45 seconds", Result(ok: false, number: 5, name: "x", directive: .timeout, reason: "45 seconds")),
        ("ok 6 c#1 # skip why # not", Result(ok: true, number: 6, name: "c#1", directive: .skip, reason: "why # not")),
        ("ok 7th heaven", Result(ok: true, number: nil, name: "7th heaven", directive: nil, reason: nil)),
        ("ok", Result(ok: true, number: nil, name: "", directive: nil, reason: nil)),
    ])
    func results(_ line: String, _ result: KTAPLine.KTAPResult) {
        #expect(KTAPLine(line) == .result(result))
        #expect(KTAPLine.isResult(line))
    }

    @Test(arguments: [
        ("TAP version 13", KTAPLine.version), ("KTAP version 1", .version), ("1..5", .plan(5, skipped: nil)),
        ("1..0 # SKIP no device", .plan(0, skipped: "SKIP no device")),
        ("# Exception| x", .diagnostic("Exception| x")), ("Bail out! no root", .bailOut("no root")), ("okay then", .other("okay then")),
        ("  ok 1 of a subtest", .other("  ok 1 of a subtest")), ("1..", .other("1..")), ("", .other("")),
    ])
    func others(_ line: String, _ kind: KTAPLine) {
        #expect(KTAPLine(line) == kind)
        #expect(!KTAPLine.isResult(line))
    }
}

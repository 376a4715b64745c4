// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import Harness

@Suite struct KernelDebianTests {
    static let madison = """
        linux-source-7.3 | 7.3.4-1~bpo13+1 | http://mirror.example/debian trixie-backports/main amd64 Packages
        linux-source-7.2 |   7.2.13-1 | http://mirror.example/debian sid/main amd64 Packages
        linux-source-7.2 | 7.2.12-1~bpo13+1 | http://mirror.example/debian trixie-backports/main amd64 Packages
        linux-source-7.2 | 7.2.9-1~bpo13+1 | http://mirror.example/debian trixie-backports/main amd64 Packages
        linux-source-7.2 | 7.2.9-1~bpo13+2 | http://mirror.example/debian trixie-backports/main amd64 Packages
        linux-source-7.2 | 7.2.9-1~bpo13+2 | http://mirror.example/debian sid/main amd64 Packages
        linux-source-6.12 | 6.12.107-1 | http://mirror.example/debian trixie/main amd64 Packages
        linux-source-6.12 |  6.12.94-1 | http://mirror.example/debian trixie/main amd64 Packages
             linux | 6.12.94-1 | http://mirror.example/debian trixie/main Sources
        """

    @Test func madisonIsParsedWithoutDuplicates() {
        let offers = AptRoot.parse(madison: Self.madison)
        #expect(offers.count == 7)
        #expect(offers.first == AptRoot.Offer(package: "linux-source-7.3", version: DebianVersion("7.3.4-1~bpo13+1")))
    }

    @Test(arguments: [
        ("", "7.3.4-1~bpo13+1"), ("7.3", "7.3.4-1~bpo13+1"), ("7.2", "7.2.13-1"), ("6.12", "6.12.107-1"), ("7.2.9", "7.2.9-1~bpo13+2"),
        ("7.2.9-1~bpo13+1", "7.2.9-1~bpo13+1"), ("6.12.94", "6.12.94-1"),
    ])
    func theSpecChooses(_ requested: String, _ version: String) throws {
        #expect(try DebianVersionSpec(requested).choose(among: AptRoot.parse(madison: Self.madison))?.version.text == version)
    }

    @Test func debianWithoutAVersionTakesTheNextSeriesWhereTheFirstIsMissing() throws {
        let offers = AptRoot.parse(madison: Self.madison).filter { $0.package != "linux-source-7.3" }
        #expect(try DebianVersionSpec("").choose(among: offers)?.version.text == "7.2.13-1")
        #expect(try DebianVersionSpec("").choose(among: offers.filter { $0.package == "linux-source-6.12" }) == nil)
    }

    @Test(arguments: ["7.2.5", "9.9", "7.2.9-2"])
    func theErrorForAMissingVersionListsTheAvailableOnes(_ requested: String) throws {
        let offers = AptRoot.parse(madison: Self.madison)
        let requested = try DebianVersionSpec(requested)
        #expect(requested.choose(among: offers) == nil)
        let error = DebianSource.unavailable(requested, offers: offers)
        #expect(error.kind == .input)
        #expect(error.message.hasPrefix(requested.description + " is not in Debian's suites"))
        #expect(
            error.evidence == [
                "linux-source-7.3: 7.3.4-1~bpo13+1", "linux-source-7.2: 7.2.13-1, 7.2.12-1~bpo13+1, 7.2.9-1~bpo13+2, 7.2.9-1~bpo13+1",
                "linux-source-6.12: 6.12.107-1, 6.12.94-1",
            ])
    }

    @Test(arguments: ["foo", "7", "7.", ".3", "7.2.9;rm", "7.2.9 1", "7.2.9/.."])
    func anInvalidVersionIsRefused(_ text: String) {
        let error = #expect(throws: HarnessError.self) { try DebianVersionSpec(text) }
        #expect(error?.kind == .input)
    }

    @Test(arguments: [
        ("7.3.4-1~bpo13+1", "7.3.4-1"), ("7.2.9-1", "7.2.13-1"), ("6.12.94-1", "6.12.107-1"), ("7.3~rc2-1", "7.3-1"), ("1.0-9", "1:0.1-1"),
        ("7.3-1", "7.3-1+b1"), ("7.3-1+deb13u1", "7.3-2"), ("7.3-1~a", "7.3-1a"), ("7.3-1", "7.3a-1"),
    ])
    func versionsHaveDebiansOrder(_ older: String, _ newer: String) {
        #expect(DebianVersion(older) < DebianVersion(newer))
        #expect(!(DebianVersion(newer) < DebianVersion(older)))
    }

    @Test func cachedPackagesAreFoundByTheirNames() {
        let offers = DebianSource.kept(names: [
            "linux-source-7.3_7.3.4-1~bpo13+1_all.deb", ".download-1", "linux-source-7.3_7.3.4-1_all.deb.part", "x_1_all.deb",
        ])
        #expect(offers == [AptRoot.Offer(package: "linux-source-7.3", version: DebianVersion("7.3.4-1~bpo13+1"))])
    }

    @Test func theListOfDownloadsIsParsed() {
        let text = """
            Reading package lists...
            The following NEW packages will be installed:
              libattr1 socat
            'http://mirror.example/debian/pool/main/a/attr/libattr1_2.5.2-3_amd64.deb' libattr1_1%3a2.5.2-3_amd64.deb 22876 SHA256:9a2d
            'http://mirror.example/debian/pool/main/s/socat/socat_1.8.0.3-1%2bb1_amd64.deb' socat_1.8.0.3-1+b1_amd64.deb 423768 MD5Sum:f69b
            """
        #expect(
            AptRoot.parse(uris: text) == [
                AptRoot.Archive(name: "libattr1", file: "libattr1_1%3a2.5.2-3_amd64.deb", size: 22876, hash: "SHA256:9a2d"),
                AptRoot.Archive(name: "socat", file: "socat_1.8.0.3-1+b1_amd64.deb", size: 423768, hash: "MD5Sum:f69b"),
            ])
    }

    @Test func theMirrorIsTheSystemsOwnArchive() {
        let targets = """
            http://security.example/debian-security/|oldstable-security|bookworm-security
            http://mirror.example/debian/|oldstable|bookworm
            http://mirror.example/debian/|oldstable-updates|bookworm-updates
            """
        #expect(AptRoot.mirror(inTargets: targets) == "http://mirror.example/debian/")
        #expect(AptRoot.mirror(inTargets: "http://mirror.example/ubuntu/|noble|noble\n") == nil)
        #expect(AptRoot.mirror(inTargets: "") == nil)
    }
}

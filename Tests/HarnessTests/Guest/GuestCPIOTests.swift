// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

@Suite struct GuestCPIOTests {
    private func sample() throws -> CPIO {
        var archive = CPIO()
        try archive.addFile("/bin/tool", Array("hello\n".utf8), mode: 0o755)
        try archive.addFile("etc/empty", [])
        try archive.addSymbolicLink("/bin/alias", to: "tool")
        try archive.addDirectory("/proc")
        return archive
    }

    @Test func bytesOfTheFirstHeader() throws {
        var archive = CPIO()
        try archive.addFile("/a", [0x78], mode: 0o640)
        let expected =
            "070701" + "00000001" + "000081A0" + "00000000" + "00000000" + "00000001" + "00000000" + "00000001"
            + "00000000" + "00000000" + "00000000" + "00000000" + "00000002" + "00000000" + "a\0" + "x\0\0\0" + "070701"
        #expect(Array(archive.bytes().prefix(expected.utf8.count)) == Array(expected.utf8))
        #expect(archive.bytes().count % 512 == 0)
    }

    @Test func sameEntriesSameBytes() throws {
        var other = CPIO()
        try other.addDirectory("/proc")
        try other.addSymbolicLink("bin/alias", to: "tool")
        try other.addFile("/etc/empty", [])
        try other.addFile("/bin//tool", Array("hello\n".utf8), mode: 0o755)
        #expect(try sample().bytes() == other.bytes())
    }

    @Test func cpioUnpacksIt() async throws {
        let folder = try TemporaryFolder()
        try Data(sample().bytes()).write(to: URL(fileURLWithPath: folder.path + "/a.cpio"))
        try await Command("sh", ["-c", "cpio -i --quiet < a.cpio"], directory: folder.path).output()
        #expect(try String(contentsOfFile: folder.path + "/bin/alias", encoding: .utf8) == "hello\n")
        #expect(FileManager.default.isExecutableFile(atPath: folder.path + "/bin/tool"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/etc/empty")).isEmpty)
        var directory: ObjCBool = false
        #expect(FileManager.default.fileExists(atPath: folder.path + "/proc", isDirectory: &directory) && directory.boolValue)
    }

    /// A root file system keeps its links, also those to folders, and the modes of its programs.
    @Test func aTreeIsAddedUnchanged() async throws {
        let folder = try TemporaryFolder()
        try await Command(
            "sh",
            [
                "-c",
                "mkdir -p t/usr/bin t/empty; echo x > t/usr/bin/tool; chmod 750 t/usr/bin/tool; ln -s usr/bin t/bin; ln -s /nowhere t/gone; mkfifo t/pipe",
            ],
            directory: folder.path
        ).output()
        var archive = CPIO()
        try archive.addTree(folder.path + "/t", at: "/root")
        try Data(archive.bytes()).write(to: URL(fileURLWithPath: folder.path + "/a.cpio"))
        let found = try await Command(
            "sh", ["-c", "cpio -i --quiet < a.cpio; cd root; find . -printf '%p %y %m %l\\n' | sort"], directory: folder.path
        ).output()
        #expect(
            found == """
                . d 755 \n./bin l 777 usr/bin
                ./empty d 755 \n./gone l 777 /nowhere
                ./usr d 755 \n./usr/bin d 755 \n./usr/bin/tool f 750 \n
                """)
    }

    @Test(arguments: ["", "/", "a/../b", "./a", "a\0b"])
    func refusesAnInvalidPath(path: String) {
        var archive = CPIO()
        #expect(throws: HarnessError.self) { try archive.addFile(path, []) }
    }

    @Test func refusesAPathTwice() throws {
        var archive = try sample()
        #expect(throws: HarnessError.self) { try archive.addFile("/bin/tool", []) }
        #expect(throws: HarnessError.self) { try archive.addFile("/bin/tool/below", []) }
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

@Suite struct GuestELFTests {
    /// Programs with few and with many libraries; those that are not installed are left out.
    private static let programs = ["/bin/ls", "/usr/bin/python3", "/usr/bin/qemu-system-x86_64", "/usr/bin/gdb"]
        .filter(FileManager.default.isExecutableFile(atPath:))

    @Test(arguments: programs)
    func closureEqualsLdd(program: String) async throws {
        let closure = try ELFClosure(of: program, systemLibraries: await ELFClosure.systemLibraries())
        let text = try await Command("ldd", [program]).output()
        var expected: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            if words.count >= 3, words[1] == "=>" { expected[words[0]] = URL(fileURLWithPath: words[2]).resolvingSymlinksInPath().path }
        }
        #expect(closure.libraries == expected)
        #expect(closure.interpreter?.guest == "/lib64/ld-linux-x86-64.so.2")
    }

    @Test func runpathWithOrigin() async throws {
        let folder = try TemporaryFolder()
        let build = """
            mkdir lib bin && echo 'int f(void){return 0;}' > f.c && cc -shared -fPIC -Wl,-soname,libppiovf.so.1 -o lib/libppiovf.so.1 f.c &&
            echo 'int f(void); int main(void){return f();}' > m.c && cc -o bin/m m.c lib/libppiovf.so.1 -Wl,-rpath,'$ORIGIN/../lib'
            """
        try await Command("sh", ["-c", build], directory: folder.path).output()
        let closure = try ELFClosure(of: folder.path + "/bin/m", systemLibraries: await ELFClosure.systemLibraries())
        let found = try #require(closure.libraries["libppiovf.so.1"])
        #expect(found.hasSuffix("/lib/libppiovf.so.1"))
        try FileManager.default.removeItem(atPath: folder.path + "/lib/libppiovf.so.1")
        #expect {
            _ = try ELFClosure(of: folder.path + "/bin/m", systemLibraries: [:])
        } throws: { error in
            (error as? HarnessError)?.message.contains("needs libppiovf.so.1, which was not found") == true
        }
    }

    @Test func expandsTokens() {
        #expect(ELFClosure.expand("$ORIGIN/../x:${ORIGIN}", origin: "/o") == "/o/../x:/o")
        #expect(ELFClosure.expand("/usr/$LIB", origin: "/o") == "/usr/lib/x86_64-linux-gnu")
    }

    @Test func readsLdconfig() {
        let text = "2 libs found in cache `/etc/ld.so.cache'\n\tlibc.so.6 (libc6,x86-64) => /lib/libc.so.6\n\tlibc.so.6 (libc6) => /lib32/libc.so.6\n"
        #expect(ELFClosure.parse(ldconfig: text) == ["libc.so.6": ["/lib/libc.so.6", "/lib32/libc.so.6"]])
    }

    @Test func staticProgramNeedsNothing() async throws {
        let folder = try TemporaryFolder()
        try await Command("sh", ["-c", "echo 'int main(void){return 0;}' > m.c && cc -static -o m m.c"], directory: folder.path).output()
        let closure = try ELFClosure(of: folder.path + "/m", systemLibraries: [:])
        #expect(closure.interpreter == nil && closure.libraries.isEmpty)
    }

    @Test func truncatedAnywhere() throws {
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: "/bin/ls")))
        for count in Array(0..<1200) + Array(stride(from: 1200, to: whole.count, by: 4099)) {
            // An error, or some of the fields; never a trap.
            _ = try? ELFFile(Array(whole[..<count]))
        }
        #expect(throws: ELFFile.Malformed.self) { _ = try ELFFile(Array(whole[..<100])) }
        #expect(throws: ELFFile.Malformed(reason: "it is not an ELF file")) { _ = try ELFFile([]) }
    }

    @Test func randomDamage() throws {
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: "/bin/true")))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var broken = whole
            for _ in 0..<24 {
                // The header, the program headers and, through them, the dynamic section.
                broken[Int.random(in: 4..<min(900, broken.count), using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? ELFFile(broken)
            var wild = (0..<512).map { _ in UInt8.random(in: 0...255, using: &random) }
            wild.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1])
            _ = try? ELFFile(wild)
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import TestSupport
import Testing

@testable import Harness

/// Builds of sources whose Makefiles do what a hostile patch could do, with the real bwrap.
@Suite(.enabled("there is no bwrap, or it cannot make a sandbox here", { (try? await BuildSandbox()) != nil }))
struct SandboxBuildTests {
    @Test func aHostileMakefileReachesNothingOfItsUser() async throws {
        let hostile = try HostileKernel()
        _ = try await hostile.build(sandbox: nil)
        let all: Set<String> = ["home", "other", "source", "secret", "processes", "connection"]
        #expect(hostile.reached() == all)
        let sandbox = try await BuildSandbox()
        _ = try await hostile.build(sandbox: sandbox)
        #expect(hostile.reached() == [])
    }

    @Test func theSandboxBuildsTheSameBitsUnderTheSameKey() async throws {
        let fake = try HostileKernel(rule: "echo \"`pwd` $(O) $$ARCH $$KBUILD_BUILD_USER `gcc --version | head -1`\" >> $(O)/vmlinux.more")
        let plain = try await fake.build(sandbox: nil)
        let bits = try ContentHash.ofFile(plain.vmlinux)
        let more = fake.text("cache/objects/\(fake.objects)/vmlinux.more")
        let again = try HostileKernel(copying: fake)
        let boxed = try await again.build(sandbox: try await BuildSandbox())
        #expect(boxed.key == plain.key)
        #expect(try ContentHash.ofFile(boxed.vmlinux) == bits)
        // The same paths, up to the folder of the test.
        let expected = more?.replacing(fake.scratch.path, with: again.scratch.path).replacing(
            fake.objects.dropLast(5), with: again.objects.dropLast(5))
        #expect(again.text("cache/objects/\(again.objects).sandbox/vmlinux.more") == expected)
        // Nothing is compiled where other builds compile.
        #expect(!again.scratch.has("cache/objects/\(again.objects)"))
        #expect(try await again.build(sandbox: nil) == boxed)
    }

    @Test func aSeriesFindsNothingOfAnotherSeries() async throws {
        let fake = try HostileKernel(rule: "test -e $(O)/left && echo 'found what another series left'; cat main.c >> $(O)/seen; true")
        let sandbox = try await BuildSandbox()
        let hostile = try fake.patch("a.patch", to: "int hostile;", makefile: "touch $(O)/left $(O)/main.o")
        _ = try await fake.build(sandbox: sandbox, series: [hostile])
        let objects = fake.scratch.path + "/cache/objects/" + fake.objects
        // The source without the series was compiled first, and the series has changed none of its objects.
        #expect(Files.text(objects + ".sandbox/seen") == "int main;\n")
        for name in [".sandbox/left", ".sandbox/main.o", ".series", ""] { #expect(FileStatus(objects + name) == nil) }
        let build = try await fake.build(sandbox: sandbox, series: [try fake.patch("b.patch", to: "int other;")])
        #expect(Files.text(build.vmlinux)?.hasSuffix("int other;\n") == true)
        #expect(Files.text(build.log)?.contains("found what another series left") == false)
        #expect(Files.text(objects + ".sandbox/seen") == "int main;\n")
    }

    /// Compiles main.c as make does: only where it is newer than its object.
    @Test func theObjectsOfASeriesBeginAsThoseOfItsSource() async throws {
        let rule = ["main", "other"].map { "test \($0).c -ot $(O)/\($0).o || { echo '  CC      \($0).o'; touch $(O)/\($0).o; }" }.joined(
            separator: "; ")
        let fake = try HostileKernel(rule: rule)
        try fake.scratch.write("tree/other.c", "int other;\n")
        for name in ["main", "other"] { fake.scratch.age("tree/\(name).c") }
        let build = try await fake.build(
            sandbox: try await BuildSandbox(), series: [try fake.patch("a.patch", to: "int patched;")])
        let log = try #require(Files.text(build.log))
        #expect(log.contains("CC      main.o") && !log.contains("CC      other.o"))
        #expect(build.warnings == [])
    }

    @Test func aFailureShowsMakesCommandAndErrors() async throws {
        let fake = try HostileKernel()
        try fake.scratch.write("tree/main.c", "BROKEN\n")
        let error = try await harnessError { _ = try await fake.build(sandbox: try await BuildSandbox()) }
        #expect(error.blame == .kernel)
        #expect(error.evidence.first == "main.c:1:5: error: unknown type name 'BROKEN'")
        let log = try #require(error.log.flatMap { Files.text($0) })
        #expect(log.contains("$ make -C") && !log.contains("--unshare-all"))
    }

    @Test(arguments: ["vmlinux", "include/config", ".config"])
    func aProductThatIsALinkIsNotFollowed(_ name: String) async throws {
        let fake = try HostileKernel()
        try fake.scratch.write("secret/kernel.release", "9.9.9-secret\n")
        try fake.useMakefile(last: "rm -rf $(O)/\(name); ln -s \(fake.scratch.path)/secret $(O)/\(name)")
        let error = try await harnessError { _ = try await fake.build(sandbox: try await BuildSandbox()) }
        #expect(error.message.contains("/\(name) a symbolic link"), "\(error)")
        #expect(Files.names(in: fake.scratch.path + "/cache/kernels").isEmpty)
    }

    @Test func aCancelledBuildLeavesNoProcess() async throws {
        let mark = "ppiov-sandbox-\(UUID().uuidString.prefix(8))"
        let fake = try HostileKernel(rule: "touch $(O)/started; (exec -a \(mark) sleep 600)", shell: "/bin/bash")
        let sandbox = try await BuildSandbox()
        let task = Task { try await fake.build(sandbox: sandbox) }
        try await waitUntil("make runs") { fake.scratch.has("cache/objects/\(fake.objects).sandbox/started") }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await waitUntil("its processes have ended", timeout: .seconds(10)) { HostileKernel.processes(named: mark).isEmpty }
    }

    @Test func aModuleBuildReadsTheKernelAndWritesItsOwnFolder() async throws {
        let scratch = try TemporaryFolder()
        for name in ["source", "objects", "work"] { try scratch.makeFolder(name) }
        let sandbox = try await BuildSandbox()
        let script = "echo x > \(scratch.path)/seen/y; echo x > \(scratch.path)/work/y; cat \(scratch.path)/seen/x"
        try scratch.write("objects/x", "kernel")
        var command = Command("sh", ["-c", script])
        command = sandbox.wrapped(
            command, reads: [.init(scratch.path + "/objects", at: scratch.path + "/seen")], writes: [.init(scratch.path + "/work")])
        #expect(try await command.output() == "kernel")
        #expect(scratch.has("work/y") && !scratch.has("objects/y"))
    }

    @Test func theSelftestsAreBuiltInTheSandbox() async throws {
        let scratch = try TemporaryFolder()
        try scratch.write(
            "source/Makefile",
            "headers:\n\t@mkdir -p $(O)/usr/include && touch $(O)/usr/include/h\n\t@touch \(scratch.path)/outside 2>/dev/null || true\n")
        for folder in ["net/lib", "drivers/net"] {
            try scratch.write(
                "source/tools/testing/selftests/\(folder)/Makefile",
                "all:\n\t@touch \(scratch.path)/outside \(scratch.path)/source/touched 2>/dev/null || true\n\t@test -e ../../../../../usr/include/h && touch $(OUTPUT)/built\n"
            )
        }
        try scratch.makeFolder("liburing/usr/include")
        var tree = KernelSelftestTree(cache: Cache(root: scratch.path + "/cache"), progress: .discarded, sandbox: try await BuildSandbox())
        let boxed = try await tree.folder(source: scratch.path + "/source", identity: "a", liburing: (scratch.path + "/liburing", "l"), jobs: 1).path
        for folder in ["net/lib", "drivers/net"] { #expect(Files.isFile("\(boxed)/tools/testing/selftests/\(folder)/built")) }
        #expect(!scratch.has("outside") && !scratch.has("source/touched"))
        tree.sandbox = nil
        _ = try await tree.folder(source: scratch.path + "/source", identity: "b", liburing: (scratch.path + "/liburing", "l"), jobs: 1)
        #expect(scratch.has("outside") && scratch.has("source/touched"))
    }
}

/// A `FakeKernel` whose make of vmlinux tries to reach everything that it should not.
struct HostileKernel {
    let scratch: TemporaryFolder
    private let listener: Listener
    private let home: String

    init(rule: String? = nil, shell: String = "/bin/sh") throws {
        scratch = try TemporaryFolder()
        listener = try Listener()
        home = "\(NSHomeDirectory())/.ppiov-test-\(UUID().uuidString.prefix(8))"
        try scratch.write("vm/config/fast.config", "CONFIG_FAKE=y\n")
        try scratch.write("tree/Kconfig", "# none\n")
        try scratch.write("tree/main.c", "int main;\n")
        try scratch.write("secret/text", "secret\n")
        try useMakefile(rule ?? attack, shell: shell)
    }

    /// The same tree in another folder, with a cache of its own.
    init(copying other: HostileKernel) throws {
        try self.init()
        try scratch.write("tree/Makefile", (other.text("tree/Makefile") ?? "").replacing(other.scratch.path, with: scratch.path))
    }

    func text(_ name: String) -> String? { scratch.text(name) }

    private var attack: String {
        // Each attempt leaves a mark where it succeeds, and is no error where it does not.
        [
            "touch \(home) 2>/dev/null", "touch \(scratch.path)/other 2>/dev/null", "touch source-was-written 2>/dev/null",
            "cat \(scratch.path)/secret/text > $(O)/secret 2>/dev/null", "test -d /proc/\(getpid()) && touch $(O)/processes",
            "bash -c 'exec 3<>/dev/tcp/127.0.0.1/\(listener.port)' 2>/dev/null", "true",
        ].joined(separator: "; ")
    }

    func useMakefile(_ rule: String = "true", last: String = "true", shell: String = "/bin/sh") throws {
        let text = FakeKernel.makefile(counter: "/dev/null", rule: rule) + "\nSHELL = \(shell)\n"
        try scratch.write("tree/Makefile", text.replacing("modules_prepare:\n\t@true", with: "modules_prepare: vmlinux\n\t@\(last)"))
    }

    /// What the last build reached. The marks are removed.
    func reached() -> Set<String> {
        var reached: Set<String> = []
        let names = Files.names(in: scratch.path + "/cache/objects").map { "cache/objects/" + $0 }
        let copies = Files.names(in: scratch.path + "/cache/sources").map { "cache/sources/" + $0 }
        func mark(_ name: String, _ path: String, size: Int64 = 0) {
            guard let status = FileStatus(path), status.size >= size else { return }
            reached.insert(name)
            unlink(path)
        }
        mark("home", home)
        mark("other", scratch.path + "/other")
        for copy in copies { mark("source", "\(scratch.path)/\(copy)/source-was-written") }
        for name in names {
            mark("secret", "\(scratch.path)/\(name)/secret", size: 1)
            mark("processes", "\(scratch.path)/\(name)/processes")
        }
        if listener.hasConnection() { reached.insert("connection") }
        // The next build compiles again.
        try? Files.remove(scratch.path + "/cache/kernels")
        return reached
    }

    /// The name of the object folder of builds without a sandbox.
    var objects: String {
        let names = Files.names(in: scratch.path + "/cache/sources").filter { $0.hasSuffix(".index") }
        return (names.first.map { String($0.dropLast(".index".count)) } ?? "none") + "-fast"
    }

    func build(sandbox: BuildSandbox?, series: [String] = []) async throws -> KernelBuild {
        var request = KernelRequest(source: scratch.path + "/tree")
        request.series = series
        let builder = KernelBuilder(
            cache: Cache(root: scratch.path + "/cache"), vm: scratch.path + "/vm", jobs: 2, sandbox: sandbox, progress: .discarded)
        return try await builder.build(request)
    }

    /// A patch of main.c, and of the rule of modules_prepare.
    func patch(_ name: String, to text: String, makefile rule: String? = nil) throws -> String {
        var diff = "--- a/main.c\n+++ b/main.c\n@@ -1 +1 @@\n-int main;\n+\(text)\n"
        if let rule {
            let lines = (scratch.text("tree/Makefile") ?? "").split(separator: "\n", omittingEmptySubsequences: false)
            let line = (lines.firstIndex(of: "modules_prepare: vmlinux") ?? 0) + 1
            diff += "--- a/Makefile\n+++ b/Makefile\n@@ -\(line),3 +\(line),3 @@\n modules_prepare: vmlinux\n-\t@true\n+\t@\(rule)\n mrproper:\n"
        }
        return try scratch.write(name, diff)
    }

    static func processes(named name: String) -> [String] {
        Files.names(in: "/proc").filter { Int($0) != nil && (Files.text("/proc/\($0)/cmdline") ?? "").hasPrefix(name) }
    }

    /// A socket that listens on the loopback interface.
    private final class Listener: Sendable {
        let descriptor: Int32
        let port: UInt16

        init() throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let descriptor = descriptor
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, size) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &size) == 0
                }
            }
            port = UInt16(bigEndian: address.sin_port)
            guard isBound else { throw ConditionTimeout("cannot listen on 127.0.0.1") }
        }

        deinit { close(descriptor) }

        func hasConnection() -> Bool {
            let connection = accept(descriptor, nil, nil)
            if connection >= 0 { close(connection) }
            return connection >= 0
        }
    }
}

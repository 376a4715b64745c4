// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

@Suite struct GuestImageTests {
    private static let initSource = Repository.path("vm/init.c")

    @Test func hasTheAgentWithItsLibraries() async throws {
        let folder = try TemporaryFolder()
        let module = folder.path + "/x.ko"
        try Data("module".utf8).write(to: URL(fileURLWithPath: module))
        func build() async throws -> GuestImage {
            try await GuestImage.build(
                agent: "/bin/ls", initSource: Self.initSource, modules: [module], extra: [("/bin/cat", "/bin/cat")],
                cache: Cache(root: folder.path))
        }
        let image = try await build()
        #expect(try await build() == image)
        let names = try await Command("sh", ["-c", "cpio -it --quiet < '\(image.path)'"]).output().split(separator: "\n").map(String.init)
        for name in ["init", "bin/ppiov-agent", "bin/cat", "lib/ppiov/libc.so.6", "lib64/ld-linux-x86-64.so.2", "lib/modules/ppiov/x.ko", "dev"] {
            #expect(names.contains(name))
        }
        #expect(names == names.sorted())
    }

    @Test func missingFilesAreNamed() async throws {
        let folder = try TemporaryFolder()
        let error = await #expect(throws: HarnessError.self) {
            try await GuestImage.build(
                agent: "/nowhere/agent", initSource: Self.initSource, modules: [], cache: Cache(root: folder.path))
        }
        #expect(error?.message.contains("/nowhere/agent") == true)
    }
}

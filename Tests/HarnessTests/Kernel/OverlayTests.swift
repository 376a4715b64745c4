// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

@Suite struct OverlayTests {
    private let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write("tree/Makefile", "VERSION = 7\nPATCHLEVEL = 3\n")
        try scratch.write("tree/Kconfig", "")
        try scratch.write("tree/net/x.c", "one\n")
        try scratch.write("tree/net/y.c", "why\n")
        try scratch.write("over/net/x.c", "two\n")
        try scratch.write("over/net/new/n.h", "n\n")
    }

    private func overlay() throws -> Overlay { try Overlay(["net/x.c", "net/new/n.h", "net/y.c"], in: scratch.path + "/over") }

    private func copy(_ identity: String = "one") async throws -> OverlaidCopy {
        try await OverlaidCopy(of: scratch.path + "/tree", at: scratch.path + "/copy", identity: identity, progress: .discarded) {}
    }

    @Test func overlaysAreAppliedOneAfterAnother() async throws {
        let before = try scratch.snapshot("tree")
        let copy = try await copy()
        try copy.apply(try overlay())
        #expect(scratch.text("copy/net/x.c") == "two\n")
        #expect(scratch.text("copy/net/new/n.h") == "n\n")
        #expect(scratch.text("copy/net/y.c") == nil)
        // A file with the same content is not written again: make would compile it again.
        scratch.age("copy/net/x.c")
        let old = try #require(FileStatus(scratch.path + "/copy/net/x.c")?.modified)
        try copy.apply(try Overlay(["net/x.c"], in: scratch.path + "/over"))
        #expect(FileStatus(scratch.path + "/copy/net/x.c")?.modified == old)
        #expect(scratch.text("copy/net/y.c") == "why\n")
        #expect(!Files.isFolder(scratch.path + "/copy/net/new"))
        try copy.apply(Overlay())
        #expect(scratch.text("copy/net/x.c") == "one\n")
        #expect((FileStatus(scratch.path + "/copy/net/x.c")?.modified ?? 0) > old)
        #expect(try scratch.snapshot("tree") == before)
    }

    @Test func theChangesOfAKilledRunAreUndone() async throws {
        try await copy().apply(try overlay())
        try scratch.write("copy/net/x.c", "half")
        try await copy().apply(Overlay())
        #expect(scratch.text("copy/net/x.c") == "one\n")
        #expect(scratch.text("copy/net/y.c") == "why\n")
        try await copy("another").apply(Overlay())
        #expect(scratch.text("copy/net/x.c") == "one\n")
    }

    @Test func noFileBehindALinkIsRemoved() async throws {
        let outside = try scratch.write("outside/f", "mine\n")
        try FileManager.default.createSymbolicLink(atPath: scratch.path + "/over/p", withDestinationPath: scratch.path + "/outside")
        try scratch.write("deep/p/f", "theirs\n")
        let link = try Overlay(["p"], in: scratch.path + "/over")
        let folder = try Overlay(["p/f"], in: scratch.path + "/deep")
        let copy = try await copy()
        for _ in 0..<2 {
            try copy.apply(folder)
            #expect(scratch.text("copy/p/f") == "theirs\n")
            #expect(FileStatus(scratch.path + "/copy/p")?.kind == .folder)
            try copy.apply(link)
            #expect(FileStatus(scratch.path + "/copy/p")?.kind == .link)
            #expect(Files.text(outside) == "mine\n")
        }
        try copy.apply(Overlay())
        #expect(FileStatus(scratch.path + "/copy/p") == nil)
        #expect(Files.text(outside) == "mine\n")
    }

    @Test func aMirrorAlsoAppliesIt() async throws {
        let before = try scratch.snapshot("tree")
        let paths = try TreeScan.sources(scratch.path + "/tree")
        var index = try await TreeScan.refresh(TreeIndex(), root: scratch.path + "/tree", paths: paths)
        let plain = index.contentKey
        func mirror(_ overlay: Overlay?) async throws -> Int {
            let (next, changes) = try await TreeMirror(origin: scratch.path + "/tree", folder: scratch.path + "/mirror", overlay: overlay).sync(index)
            index = next
            return changes
        }
        _ = try await mirror(nil)
        _ = try await mirror(try overlay())
        #expect(scratch.text("mirror/net/x.c") == "two\n")
        #expect(scratch.text("mirror/net/new/n.h") == "n\n")
        #expect(scratch.text("mirror/net/y.c") == nil)
        // The index is still that of the tree.
        #expect(index.contentKey == plain)
        #expect(index.with(try overlay()).contentKey != plain)
        let old = try #require(FileStatus(scratch.path + "/mirror/net/x.c")?.modified)
        _ = try await mirror(try overlay())
        #expect(FileStatus(scratch.path + "/mirror/net/x.c")?.modified == old)
        _ = try await mirror(nil)
        #expect(scratch.text("mirror/net/x.c") == "one\n")
        #expect(scratch.text("mirror/net/y.c") == "why\n")
        #expect(!Files.isFolder(scratch.path + "/mirror/net/new"))
        #expect(try await mirror(nil) == 0)
        #expect(try scratch.snapshot("tree") == before)
    }

    @Test func theInputsChangeWithTheFilesItReplaces() throws {
        try scratch.write("over/Kconfig", "config X\n")
        let plain = TreeInputs(immutable: "id")
        let code = try Overlay(["net/x.c"], in: scratch.path + "/over").inputs(over: "id")
        let other = try Overlay(["net/x.c"], in: scratch.path + "/tree").inputs(over: "id")
        #expect(code == other)
        let kconfig = try Overlay(["Kconfig"], in: scratch.path + "/over").inputs(over: "id")
        #expect(kconfig.configuration != plain.configuration)
        #expect(Overlay().inputs(over: "id") == plain)
        #expect(try overlay().key != Overlay(["net/x.c"], in: scratch.path + "/over").key)
    }
}

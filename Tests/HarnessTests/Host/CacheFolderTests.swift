// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

/// File systems without flock or shared mmap, and full, noexec and read-only ones are in EndToEndTests, in a mount namespace.
@Suite struct CacheFolderTests {
    private let scratch: TemporaryFolder
    private let cache: Cache

    init() throws {
        scratch = try TemporaryFolder()
        cache = Cache(root: scratch.path + "/above/ppiov")
    }

    private func fault() -> HarnessError? {
        do {
            try CacheFolder(cache).require(snapshots: true)
            return nil
        } catch {
            return error as? HarnessError
        }
    }

    @Test func aNewCacheIsMadeAndNothingIsLeftInIt() {
        #expect(fault() == nil)
        #expect(scratch.everything == ["above", "above/ppiov"])
    }

    @Test(arguments: [0o777, 0o1777, 0o702])
    func aFolderThatEveryoneMayWriteToIsRefused(_ mode: Int) throws {
        try scratch.makeFolder("above/ppiov")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: cache.root)
        let error = try #require(fault())
        #expect(error.kind == .harness)
        #expect(error.message.contains(cache.root) && error.message.contains("mode \(String(mode, radix: 8))"))
        #expect(error.hint?.contains("chmod o-w") == true)
    }

    @Test func aFolderOfTheGroupIsAccepted() throws {
        try scratch.makeFolder("above/ppiov")
        try FileManager.default.setAttributes([.posixPermissions: 0o2775], ofItemAtPath: cache.root)
        #expect(fault() == nil)
    }

    @Test(.enabled("only root can give a folder away", { geteuid() == 0 }))
    func aFolderOfAnotherUserIsRefused() throws {
        try scratch.makeFolder("above/ppiov")
        #expect(chown(cache.root, 4711, 4711) == 0)
        let error = try #require(fault())
        #expect(error.kind == .harness && error.message.contains("belongs to user 4711") && error.hint?.contains("XDG_CACHE_HOME") == true)
    }

    @Test(.enabled("only root can give a link away", { geteuid() == 0 }))
    func aLinkOfAnotherUserIsRefused() throws {
        try scratch.makeFolder("above")
        try scratch.makeFolder("disk")
        try FileManager.default.createSymbolicLink(atPath: cache.root, withDestinationPath: scratch.path + "/disk")
        #expect(lchown(cache.root, 4711, 4711) == 0)
        #expect(fault()?.message.contains("is a symbolic link that belongs to user 4711") == true)
    }

    @Test func aLinkOfTheUserIsFollowed() throws {
        try scratch.makeFolder("above")
        try FileManager.default.createSymbolicLink(atPath: cache.root, withDestinationPath: scratch.path + "/disk")
        let error = try #require(fault())
        #expect(error.message == "the cache folder \(cache.root) is a symbolic link to \(scratch.path)/disk: No such file or directory")
        try scratch.makeFolder("disk")
        #expect(fault() == nil)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: scratch.path + "/disk")
        #expect(fault()?.message.contains("every user may write") == true)
    }

    @Test func aFileInItsPlaceIsNamed() throws {
        try scratch.write("above/ppiov", "")
        #expect(fault()?.message == "the cache \(cache.root) is not a folder")
    }

    @Test func aFileAboveItIsNamed() throws {
        try scratch.write("above", "")
        let error = try #require(fault())
        #expect(error.kind == .harness && error.message.contains("Not a directory"))
    }

    @Test func theFileSystemHasAName() throws {
        #expect(CacheFolder(Cache(root: "/proc/self")).type == "proc")
        let error = #expect(throws: HarnessError.self) { try CacheFolder(Cache(root: "/proc/sys/kernel/none")).require(snapshots: true) }
        #expect(error?.kind == .harness)
    }
}

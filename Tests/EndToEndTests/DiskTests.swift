// SPDX-License-Identifier: GPL-2.0

import Foundation
import Subprocess
import TestSupport
import Testing

extension EndToEnd {
    /// A disk that takes no more is said to be the reason, and is never a verdict. Needs no root: the disks are tmpfs in a namespace.
    @Suite(.enabled("unshare and mount make no tmpfs here", { await SmallDisk.works() }))
    struct DiskTrouble {
        @Test func fullResultsFolder() async throws {
            let scratch = try TemporaryFolder()
            let disk = try scratch.makeFolder("disk")
            let outcome = try await Product.run(
                ["run", "--kernel", UnderTest.kernel, "--filter", "selftest.pass", "--out", disk + "/results"], in: scratch,
                prefix: SmallDisk.prefix(disk, "size=8k"))
            #expect(outcome.code == 3 && outcome.output.isEmpty, "\(outcome.errors)")
            for words in ["cannot write \(disk)/results/", "No space left on device"] { #expect(outcome.errors.contains(words), "\(outcome.errors)") }
        }

        /// Sizes at which the kernel, the image and the guest's memory do not fit.
        @Test(arguments: ["size=8m", "size=24m", "size=64m"])
        func fullCache(_ options: String) async throws {
            let scratch = try TemporaryFolder()
            let disk = try scratch.makeFolder("disk")
            let tree = try await BuiltTree.make(in: scratch)
            let outcome = try await Product.run(
                ["run", "--kernel", tree, "--filter", "selftest.pass", "--out", scratch.results], in: scratch,
                environment: ["XDG_CACHE_HOME": disk], prefix: SmallDisk.prefix(disk, options))
            #expect(outcome.code == 3 && outcome.output.isEmpty, "\(outcome.errors)")
            #expect(outcome.errors.contains("disk is full"), "\(outcome.errors)")
        }

        @Test func readOnlyCache() async throws {
            let scratch = try TemporaryFolder()
            let disk = try scratch.makeFolder("disk")
            let outcome = try await Product.run(
                ["run", "--kernel", UnderTest.kernel, "--filter", "selftest.pass", "--out", scratch.results], in: scratch,
                environment: ["XDG_CACHE_HOME": disk], prefix: SmallDisk.prefix(disk, "ro"))
            #expect(outcome.code == 3, "\(outcome.errors)")
            for words in ["\(disk)/ppiov", "Read-only file system", "XDG_CACHE_HOME"] { #expect(outcome.errors.contains(words), "\(outcome.errors)") }
        }

        @Test func cacheBelowAFile() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "selftest.pass", in: scratch, environment: ["XDG_CACHE_HOME": "/dev/null/x"])
            #expect(outcome.code == 3, "\(outcome.errors)")
            for words in ["/dev/null/x/ppiov", "Not a directory", "XDG_CACHE_HOME"] { #expect(outcome.errors.contains(words), "\(outcome.errors)") }
        }
    }
}

/// A tmpfs that is there for one program only, and goes with it.
enum SmallDisk {
    static func prefix(_ folder: String, _ options: String) -> [String] {
        ["unshare", "-Urm", "sh", "-c", "mount -t tmpfs -o \(options) none '\(folder)' && exec \"$@\"", "sh"]
    }

    static func works() async -> Bool {
        let words = prefix("/tmp", "size=4k") + ["true"]
        let result = try? await Subprocess.run(.name(words[0]), arguments: Arguments(Array(words.dropFirst())), output: .discarded, error: .discarded)
        return result?.terminationStatus.isSuccess ?? false
    }
}

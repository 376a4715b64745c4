// SPDX-License-Identifier: GPL-2.0

import Foundation
import Subprocess
import TestSupport
import Testing

extension EndToEnd {
    /// With a full or read-only disk there is no verdict, and the error names the disk. The disks are tmpfs in a mount namespace, which needs no root.
    @Suite(.enabled("unshare and mount cannot make a tmpfs here", { await SmallDisk.works() }))
    struct DiskErrors {
        @Test func fullResultsFolder() async throws {
            let scratch = try TemporaryFolder()
            let disk = try scratch.makeFolder("disk")
            let outcome = try await Product.run(
                ["run", "--kernel", UnderTest.kernel, "--filter", "harness.pass", "--out", disk + "/results"], in: scratch,
                prefix: SmallDisk.prefix(disk, "size=8k"))
            #expect(outcome.code == 3 && outcome.output.isEmpty, "\(outcome.errors)")
            for text in ["cannot write \(disk)/results/", "No space left on device"] { #expect(outcome.errors.contains(text), "\(outcome.errors)") }
        }

        /// Sizes at which the kernel, the image and the guest's memory do not fit.
        @Test(arguments: ["size=8m", "size=24m", "size=64m"])
        func fullCache(_ options: String) async throws {
            let scratch = try TemporaryFolder()
            let disk = try scratch.makeFolder("disk")
            let tree = try await BuiltTree.make(in: scratch)
            let outcome = try await Product.run(
                ["run", "--kernel", tree, "--filter", "harness.pass", "--out", scratch.results], in: scratch,
                environment: ["XDG_CACHE_HOME": disk], prefix: SmallDisk.prefix(disk, options))
            #expect(outcome.code == 3 && outcome.output.isEmpty, "\(outcome.errors)")
            #expect(outcome.errors.contains("disk is full"), "\(outcome.errors)")
        }

        @Test func readOnlyCache() async throws {
            let scratch = try TemporaryFolder()
            let disk = try scratch.makeFolder("disk")
            let outcome = try await Product.run(
                ["run", "--kernel", UnderTest.kernel, "--filter", "harness.pass", "--out", scratch.results], in: scratch,
                environment: ["XDG_CACHE_HOME": disk], prefix: SmallDisk.prefix(disk, "ro"))
            #expect(outcome.code == 3, "\(outcome.errors)")
            for text in ["\(disk)/ppiov", "Read-only file system", "XDG_CACHE_HOME"] { #expect(outcome.errors.contains(text), "\(outcome.errors)") }
        }

        @Test func cacheBelowAFile() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.pass", in: scratch, environment: ["XDG_CACHE_HOME": "/dev/null/x"])
            #expect(outcome.code == 3, "\(outcome.errors)")
            for text in ["/dev/null/x/ppiov", "Not a directory", "XDG_CACHE_HOME"] { #expect(outcome.errors.contains(text), "\(outcome.errors)") }
        }
    }
}

/// A tmpfs in the mount namespace of one program. It is removed when the program ends.
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

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

        /// The disk has room for a part of the results: those that were judged are printed, and no verdict is given.
        @Test func aResultsFolderThatFillsUp() async throws {
            let scratch = try TemporaryFolder()
            let disk = try scratch.makeFolder("disk")
            // Each file takes a page: with these, results.ktap and not the others.
            let fill = "mount -t tmpfs -o size=64k none '\(disk)' && exec \"$@\""
            let outcome = try await Product.run(
                ["run", "--kernel", UnderTest.kernel, "--filter", "harness.[pf]a[si][sl]", "--out", disk + "/results", "--jobs", "1"], in: scratch,
                prefix: ["unshare", "-Urm", "sh", "-c", fill, "sh"])
            #expect(outcome.code == 3, "\(outcome.errors)")
            #expect(outcome.errors.contains("No space left on device") && outcome.errors.contains("results: \(disk)/results"), "\(outcome.errors)")
            if !outcome.output.isEmpty {
                #expect(outcome.output.split(separator: "\n").last?.hasPrefix("Bail out! cannot write ") == true, "\(outcome.output)")
            }
        }

        /// Somebody removes the folder while a scenario runs.
        @Test func aResultsFolderThatVanishes() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.[ph]a[sn][sg]", ["--jobs", "1", "--timeout-scale", "0.5"], in: scratch) { running in
                try await running.begins("harness.hang")
                try FileManager.default.removeItem(atPath: scratch.results)
            }
            #expect(outcome.code == 3, "\(outcome.errors)")
            #expect(
                outcome.errors.contains("the results folder \(scratch.results) was removed or replaced while the run went on"), "\(outcome.errors)")
            #expect(!scratch.has("results"))
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

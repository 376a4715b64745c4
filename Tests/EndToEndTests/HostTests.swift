// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What of the environment reaches a build.
    @Suite struct BuildEnvironment {
        /// Writes make's variables where the test reads them.
        private static let report =
            "env | sort > $(O)/../../environment; echo '$(MAKEFLAGS)' > $(O)/../../makeflags; test -z '$(CONFIG_EVIL)$(CFLAGS_x.o)$(W)$(V)'"

        @Test func theCallersMakeAndKbuildVariablesDoNotReachIt() async throws {
            let scratch = try TemporaryFolder()
            let small = try SmallKernel(in: scratch, rule: Self.report)
            let outcome = try await small.build(
                ["--build-jobs", "3"],
                environment: [
                    "MAKEFLAGS": "n -j1 --jobserver-auth=98,99 W=1", "GNUMAKEFLAGS": "-k", "CONFIG_EVIL": "y", "CFLAGS_x.o": "-O0", "W": "1",
                    "V": "1",
                    "ARCH": "arm64", "LLVM": "1", "KBUILD_OUTPUT": scratch.path + "/elsewhere", "KCFLAGS": "-O0", "NOTHING": "x",
                ])
            #expect(outcome.code == 0, "\(outcome.errors)")
            let flags = try #require(scratch.text("cache/ppiov/makeflags"))
            #expect(flags.contains("-j3") && !flags.contains("98"))
            let variables = (scratch.text("cache/ppiov/environment") ?? "").split(separator: "\n")
            #expect(variables.contains("ARCH=x86_64"))
            for name in ["CONFIG_EVIL", "LLVM", "KBUILD_OUTPUT", "KCFLAGS", "NOTHING", "W", "V"] {
                #expect(!variables.contains { $0.hasPrefix(name + "=") })
            }
            #expect(!scratch.has("elsewhere"))
            let line = outcome.errors.split(separator: "\n").first { $0.contains("not passed to make") }
            for name in ["ARCH", "CFLAGS_x.o", "CONFIG_EVIL", "KBUILD_OUTPUT", "KCFLAGS", "LLVM", "MAKEFLAGS"] {
                #expect(line?.contains(name) == true)
            }
            #expect(line?.contains("NOTHING") == false)
        }

        @Test func aTarballIsUnpackedWhole() async throws {
            let scratch = try TemporaryFolder()
            let small = try SmallKernel(in: scratch)
            let tar = try await runProgram(["tar", "-C", scratch.path, "-cf", scratch.path + "/k.tar", "tree"])
            #expect(tar.code == 0)
            let outcome = try await small.build(environment: ["TAR_OPTIONS": "--exclude=main.c"], kernel: scratch.path + "/k.tar")
            #expect(outcome.code == 0, "\(outcome.errors)")
        }
    }

    /// `--sandbox` where there is no sandbox.
    @Suite struct Sandbox {
        @Test func withoutBubblewrapItNamesThePackage() async throws {
            let scratch = try TemporaryFolder()
            let small = try SmallKernel(in: scratch)
            for (arguments, environment) in [(["--sandbox"], ["PATH": "/nonexistent"]), ([], ["PATH": "/nonexistent", "PPIOV_SANDBOX": "1"])] {
                let outcome = try await small.build(arguments, environment: environment)
                #expect(outcome.code == 3 && outcome.output.isEmpty, "\(outcome.errors)")
                #expect(outcome.errors.contains("apt-get install bubblewrap"), "\(outcome.errors)")
            }
        }

        @Test func whereNamespacesAreRefusedItSaysSo() async throws {
            let scratch = try TemporaryFolder()
            try scratch.write("bin/bwrap", "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n", executable: true)
            let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
            let outcome = try await SmallKernel(in: scratch).build(["--sandbox"], environment: ["PATH": "\(scratch.path)/bin:\(path)"])
            #expect(outcome.code == 3, "\(outcome.errors)")
            for text in ["cannot make a sandbox here", "No permissions to create new namespace", "user.max_user_namespaces"] {
                #expect(outcome.errors.contains(text), "\(outcome.errors)")
            }
        }

        @Test func theVariableHasTwoValues() async throws {
            let scratch = try TemporaryFolder()
            let small = try SmallKernel(in: scratch)
            let outcome = try await small.build(environment: ["PPIOV_SANDBOX": "yes"])
            #expect(outcome.code == 2 && outcome.errors.contains("PPIOV_SANDBOX"), "\(outcome.errors)")
            #expect(try await small.build(environment: ["PPIOV_SANDBOX": "0"]).code == 0)
            #expect(try await small.build(["--no-sandbox"], environment: ["PPIOV_SANDBOX": "1", "PATH": path]).code == 0)
        }

        private var path: String { ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin" }
    }

    /// File systems on which a cache cannot be.
    @Suite(.enabled("unshare and mount cannot make a tmpfs here", { await SmallDisk.works() }))
    struct CacheDisks {
        @Test func aDiskThatABuildFills() async throws {
            let scratch = try TemporaryFolder()
            let disk = try scratch.makeFolder("cache")
            let small = try SmallKernel(in: scratch, rule: "head -c 3000000 /dev/zero > $(O)/big")
            let outcome = try await small.build(prefix: SmallDisk.prefix(disk, "size=1m"))
            #expect(outcome.code == 3 && outcome.output.isEmpty, "\(outcome.errors)")
            for text in ["disk is full", "XDG_CACHE_HOME"] { #expect(outcome.errors.contains(text), "\(outcome.errors)") }
        }

        @Test func aDiskThatIsFullAlready() async throws {
            let scratch = try TemporaryFolder()
            let disk = try scratch.makeFolder("cache")
            let fill = ["sh", "-c", "mkdir '\(disk)/ppiov' && ! cat /dev/zero > '\(disk)/big' 2>/dev/null && exec \"$@\"", "sh"]
            let outcome = try await SmallKernel(in: scratch).build(prefix: SmallDisk.prefix(disk, "size=64k") + fill)
            #expect(outcome.code == 3 && outcome.errors.contains("cannot write to the cache \(disk)/ppiov"), "\(outcome.errors)")
            #expect(outcome.errors.contains("disk is full"), "\(outcome.errors)")
        }

        @Test func aDiskThatRunsNoPrograms() async throws {
            let scratch = try TemporaryFolder()
            let disk = try scratch.makeFolder("cache")
            let outcome = try await SmallKernel(in: scratch).build(prefix: SmallDisk.prefix(disk, "noexec"))
            #expect(outcome.code == 3 && outcome.output.isEmpty, "\(outcome.errors)")
            for text in ["\(disk)/ppiov", "(tmpfs) is mounted noexec", "XDG_CACHE_HOME"] {
                #expect(outcome.errors.contains(text), "\(outcome.errors)")
            }
        }

        @Test(.enabled("a FUSE file system cannot be mounted here", { await FuseDisk.works() }))
        func aDiskWithoutSharedMappings() async throws {
            let scratch = try TemporaryFolder()
            let disk = try scratch.makeFolder("cache")
            let prefix = FuseDisk.prefix(disk, .noMmap)
            let run = try await Product.run(
                ["run", "--kernel", UnderTest.kernel, "--filter", "harness.pass", "--out", scratch.results], in: scratch, environment: scratch.cache,
                prefix: prefix)
            #expect(run.code == 3 && run.output.isEmpty, "\(run.errors)")
            for text in ["\(disk)/ppiov", "its file system (fuse) has no shared mmap(2)", "XDG_CACHE_HOME", "--isolate none"] {
                #expect(run.errors.contains(text), "\(run.errors)")
            }
            // A build needs no snapshot.
            let build = try await SmallKernel(in: scratch).build(prefix: prefix)
            #expect(!build.errors.contains("shared mmap"), "\(build.errors)")
        }

        @Test(.enabled("a FUSE file system cannot be mounted here", { await FuseDisk.works() }), arguments: [FuseDisk.Option.noFlock, .allFlock])
        func aDiskWithoutLocks(_ option: FuseDisk.Option) async throws {
            let scratch = try TemporaryFolder()
            let disk = try scratch.makeFolder("cache")
            let outcome = try await SmallKernel(in: scratch).build(prefix: FuseDisk.prefix(disk, option))
            #expect(outcome.code == 3 && outcome.output.isEmpty, "\(outcome.errors)")
            for text in ["\(disk)/ppiov", option == .noFlock ? "has no flock(2)" : "grants flock(2) twice", "XDG_CACHE_HOME"] {
                #expect(outcome.errors.contains(text), "\(outcome.errors)")
            }
        }

        @Test func aNewCacheIsNotWritableForOthers() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await SmallKernel(in: scratch).build(prefix: ["sh", "-c", "umask 0 && exec \"$@\"", "sh"])
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(try FileManager.default.attributesOfItem(atPath: scratch.path + "/cache/ppiov")[.posixPermissions] as? Int == 0o755)
        }
    }

    /// A control group with limits, made for the test.
    @Suite(.enabled("no control group with limits can be made here", { RealCgroup.works }))
    struct ControlGroups {
        @Test func itsLimitsDecideHowMuchIsStarted() async throws {
            let scratch = try TemporaryFolder()
            let group = try RealCgroup(processors: 0.5, memory: 300 << 20)
            defer { group.remove() }
            let doctor = try await Product.run(["doctor"], in: scratch, prefix: group.prefix)
            for text in ["0.50 by \(group.quotaFile)", "make -j1", "limit 300 MiB by \(group.memoryFile)"] {
                #expect(doctor.output.contains(text), "\(doctor.output)")
            }
            let small = try SmallKernel(in: scratch, rule: "echo '$(MAKEFLAGS)' > $(O)/../../makeflags")
            #expect(try await small.build(prefix: group.prefix).code == 0)
            #expect(scratch.text("cache/ppiov/makeflags")?.contains("-j1") == true)
            // A guest of 512 MiB does not fit: named before anything is built.
            let run = try await Product.run(
                ["run", "--kernel", small.tree, "--filter", "harness.pass", "--out", scratch.results], in: scratch,
                environment: scratch.cache.merging(["PPIOV_VM": scratch.path + "/vm"]) { $1 }, prefix: group.prefix)
            #expect(run.code == 3 && run.output.isEmpty, "\(run.errors)")
            for text in ["a guest of 512 MiB does not fit", "\(group.memoryFile) is 300 MiB", "--memory"] {
                #expect(run.errors.contains(text), "\(run.errors)")
            }
        }
    }
}

/// A control group below that of the tests: of v2 where it has the controllers, else of v1.
struct RealCgroup {
    let quotaFile: String
    let memoryFile: String
    private let folders: [String]

    static var works: Bool {
        guard let group = try? RealCgroup(processors: 1, memory: 1 << 30) else { return false }
        group.remove()
        return true
    }

    init(processors: Double, memory: Int) throws {
        let name = "ppiov-test-\(UUID().uuidString.prefix(8))"
        func write(_ text: String, _ file: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: file)) }
        let unified = "/sys/fs/cgroup/" + name
        let isUnified = FileManager.default.fileExists(atPath: "/sys/fs/cgroup/cgroup.controllers")
        let cpu = isUnified ? unified : "/sys/fs/cgroup/cpu/" + name
        let bytes = isUnified ? unified : "/sys/fs/cgroup/memory/" + name
        folders = cpu == bytes ? [cpu] : [cpu, bytes]
        quotaFile = cpu + (isUnified ? "/cpu.max" : "/cpu.cfs_quota_us")
        memoryFile = bytes + (isUnified ? "/memory.max" : "/memory.limit_in_bytes")
        do {
            for folder in folders { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false) }
            try write("\(Int(processors * 100_000))" + (isUnified ? " 100000" : ""), quotaFile)
            try write("\(memory)", memoryFile)
        } catch {
            remove()
            throw error
        }
    }

    /// Starts a program in the group.
    var prefix: [String] {
        let joins = folders.map { "echo $$ > '\($0)/cgroup.procs' && " }.joined()
        return ["sh", "-c", joins + "exec \"$@\"", "sh"]
    }

    func remove() { for folder in folders { rmdir(folder) } }
}

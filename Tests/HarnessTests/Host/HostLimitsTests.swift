// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

/// The limits of recorded machines.
@Suite struct HostLimitsTests {
    private static let meminfo = "MemTotal:       16384000 kB\nMemFree:         1000000 kB\n"

    @Test func aContainerWithItsOwnCgroupNamespace() throws {
        let tree = try HostTree([
            "proc/meminfo": Self.meminfo,
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo":
                "1570 1548 0:31 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate,memory_recursiveprot\n",
            "sys/fs/cgroup/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/memory.max": "1073741824\n",
            "sys/fs/cgroup/memory.high": "max\n",
        ])
        let limits = HostLimits(root: tree.root, affinity: 8)
        #expect(limits.processors == 2)
        #expect(limits.compilers == 2)
        // 1024 MiB, and 384 MiB for each guest of 512 MiB.
        #expect(limits.machines(24, memoryMB: 512) == 2)
        #expect(limits.machines(1, memoryMB: 512) == 1)
        #expect(limits.reason(24, memoryMB: 512) == "2 machines at a time, not 24: /sys/fs/cgroup/memory.max is 1024 MiB")
        #expect(limits.reason(2, memoryMB: 512) == nil)
        try limits.requireMachine(memoryMB: 512)
        let error = #expect(throws: HarnessError.self) { try limits.requireMachine(memoryMB: 2048) }
        #expect(error?.kind == .harness)
        #expect(error?.message.contains("/sys/fs/cgroup/memory.max is 1024 MiB") == true)
        #expect(error?.hint?.contains("--memory") == true)
        #expect(
            limits.findings.map(\.detail) == [
                "8 in Cpus_allowed; 1.50 by /sys/fs/cgroup/cpu.max: make -j2",
                "16000 MiB in /proc/meminfo; limit 1024 MiB by /sys/fs/cgroup/memory.max",
            ])
    }

    @Test func theLimitOfAParentCounts() throws {
        let slice = "sys/fs/cgroup/user.slice/user-1000.slice"
        let tree = try HostTree([
            "proc/meminfo": Self.meminfo,
            "proc/self/cgroup": "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u1.scope\n",
            "proc/self/mountinfo": """
            22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
            31 23 0:28 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 master:1 - cgroup2 cgroup2 rw,nsdelegate

            """,
            "\(slice)/memory.high": "2147483648\n",
            "\(slice)/memory.max": "3221225472\n",
            "\(slice)/cpu.max": "max 100000\n",
            "\(slice)/user@1000.service/cpu.max": "50000 100000\n",
            "\(slice)/user@1000.service/app.slice/run-u1.scope/cpu.max": "400000 100000\n",
            "\(slice)/user@1000.service/app.slice/run-u1.scope/memory.max": "max\n",
            // Of another group.
            "sys/fs/cgroup/system.slice/memory.max": "1\n",
        ])
        let limits = HostLimits(root: tree.root, affinity: 4)
        #expect(limits.processors == 1)
        // memory.high is planned with; memory.max refuses.
        #expect(limits.machines(12, memoryMB: 512) == 5)
        try limits.requireMachine(memoryMB: 5000)
        #expect(throws: HarnessError.self) { try limits.requireMachine(memoryMB: 6000) }
        #expect(limits.findings[1].detail.contains("reclaim from 2048 MiB by /sys/fs/cgroup/user.slice/user-1000.slice/memory.high"))
    }

    @Test func aContainerOfVersion1() throws {
        let tree = try HostTree([
            "proc/meminfo": Self.meminfo,
            "proc/self/cgroup":
                "12:cpu,cpuacct:/docker/0123abc\n9:memory:/docker/0123abc\n2:name=systemd:/docker/0123abc\n1:cpuset:/docker/0123abc\n0::/x\n",
            "proc/self/mountinfo": """
            700 690 0:27 /docker/0123abc /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct
            701 690 0:28 /docker/0123abc /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory
            702 690 0:29 /docker/0123abc /sys/fs/cgroup/systemd ro,nosuid - cgroup cgroup rw,xattr,name=systemd

            """,
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "50000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
        ])
        let limits = HostLimits(root: tree.root, affinity: 16)
        #expect(limits.processors == 5)
        #expect(limits.compilers == 1)
        #expect(limits.findings[0].detail == "16 in Cpus_allowed; 5.00 by /sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us: make -j1")
    }

    @Test func noLimitIsNoLimit() throws {
        let tree = try HostTree([
            "proc/meminfo": Self.meminfo,
            "proc/self/cgroup": "4:memory:/a\n1:cpu:/\n0::/\n",
            "proc/self/mountinfo": """
            32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
            35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw

            """,
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712\n",
        ])
        let limits = HostLimits(root: tree.root, affinity: 6)
        #expect(limits.groups.memory.isEmpty && limits.groups.processors.isEmpty)
        #expect(limits.processors == 6 && limits.compilers == 6)
        #expect(limits.machines(18, memoryMB: 512) == 18)
    }

    @Test(arguments: [
        "", "max", "max 100000", "100000", "0 100000", "100000 0", "-1 100000", "1e5 100000", "99999999999999999999 100000", "\u{0}", "１ 2",
    ])
    func aFileThatIsNoLimitIsIgnored(_ text: String) throws {
        let tree = try HostTree([
            "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": "31 23 0:28 / /c rw - cgroup2 c rw\n", "c/cpu.max": text, "c/memory.max": text,
        ])
        let limits = HostLimits(root: tree.root, affinity: 3)
        #expect(limits.processors == 3)
        #expect(limits.groups.processors.isEmpty)
        #expect(limits.total == nil)
    }

    @Test func theNamesOfGroupsAreBytes() throws {
        let tree = try HostTree(["proc/meminfo": "MemTotal: x kB\r\n"])
        // A group and a mount point with a space, a colon, a combining mark, a newline and bytes that are not UTF-8.
        let group = Array("/a b:c\u{301}".utf8) + [0xff]
        try tree.write(Array("/proc/self/cgroup".utf8), Array("garbage\n\n::\n0::".utf8) + group + Array("\n".utf8))
        try tree.write(
            Array("/proc/self/mountinfo".utf8),
            Array("x\n31 23 0:28 / /mnt/c\\040g\\012\\134 rw,relatime - cgroup2 none rw\r\n32 31 0:29 /\\04 /bad - \n".utf8))
        try tree.write(Array("/mnt/c g\n\\".utf8) + group + Array("/memory.max".utf8), Array("402653184".utf8))
        let limits = HostLimits(root: tree.root, affinity: 2)
        #expect(limits.groups.memory == [ControlGroups.Limit(value: 402_653_184, file: #"/mnt/c g\x0a\x5c/a b:c\xcc\x81\xff/memory.max"#)])
    }

    @Test(arguments: [
        ("/", "/", ["/cg"]), ("/a/b", "/", ["/cg/a/b", "/cg/a", "/cg"]), ("/docker/x", "/docker/x", ["/cg"]),
        ("/docker/x/y", "/docker/x", ["/cg/y", "/cg"]), ("/../other", "/", ["/cg"]), ("/docker/xy", "/docker/x", ["/cg"]),
    ])
    func theGroupsAboveAreThoseBelowTheMount(_ path: String, _ root: String, _ folders: [String]) {
        let mount = MountTable.Mount(root: Array(root.utf8), point: Array("/cg".utf8), type: "cgroup2", options: [])
        #expect(ControlGroups.folders(Array(path.utf8), on: mount).map { String(decoding: $0, as: UTF8.self) } == folders)
    }

    @Test(arguments: [("ff", 8), ("3", 2), ("00000000,80000001", 2), ("7,ffffffff", 35)])
    func theProcessorsOfACpusetAreCounted(_ mask: String, _ count: Int) throws {
        let tree = try HostTree(["proc/self/status": "Name:\tppiov\nCpus_allowed:\t\(mask)\nCpus_allowed_list:\t0-9\n"])
        #expect(HostLimits(root: tree.root).processors == count)
    }

    @Test func thisMachineHasProcessorsAndMemory() {
        let limits = HostLimits()
        #expect(limits.affinity == ProcessInfo.processInfo.activeProcessorCount)
        #expect((limits.total ?? 0) > 64 << 20)
        #expect((1...limits.affinity).contains(limits.compilers))
    }

    @Test func theMountOfAPathIsTheLastOfTheLongest() {
        let table = MountTable(
            Array(
                "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:1 / /home rw - 9p host rw,trans=virtio\n3 1 0:2 / /home rw shared:1 - tmpfs  rw\n4 3 0:3 / /home/a rw - xfs x rw\n"
                    .utf8))
        func type(_ path: String) -> String? { table.mount(of: Array(path.utf8))?.type }
        #expect(type("/home/a/b") == "xfs" && type("/homes") == "ext4" && type("/home/ab") == "tmpfs")
    }
}

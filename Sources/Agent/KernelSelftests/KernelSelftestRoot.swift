// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Scenarios
import SystemPackage

/// The root file system of kernel selftests: Debian's programs and the selftests' tree, where the image contains one.
enum KernelSelftestRoot {
    /// Its path in the image, until it is the root.
    private static let path = "/selftests"
    /// The kernel's source tree in it, as far as the tests read it.
    static let tree = "/src"

    /// Of 2 MiB. ncdevmem takes 32 for large net_iovs, six times in turn, and those of one test are freed when the kernel checks its
    /// page pool the next time, up to a second later. The 64 that the tests reserve themselves are too few on a machine that needs less than that second
    /// between two tests.
    private static let hugePages = 224

    /// Makes it the root of this process, once. The machine is for kernel selftests from then on.
    static func enter() throws {
        guard access(tree + "/tools/testing/selftests", R_OK) != 0 else { return }
        guard access(path + "/usr/bin", R_OK) == 0 else {
            throw ScenarioFailure("this guest has no kernel selftests: its image was made without \(path)")
        }
        try FileSystem.bind(path, at: path)
        for folder in ["/proc", "/sys", "/dev", "/run", "/tmp"] { try FileSystem.bind(folder, at: path + folder) }
        try FileSystem.switchRoot(to: path)
        try KernelFile.write("/proc/sys/vm/nr_hugepages", "\(hugePages)")
        guard symlink("/proc/self/fd", "/dev/fd") == 0 || errno == EEXIST else { throw KernelError("linking /dev/fd", errno: Errno(rawValue: errno)) }
    }

    /// The command line that runs `words` with these environment variables and those that every program needs.
    static func command(folder: String = "/", _ variables: [String: String] = [:], _ words: [String]) -> [String] {
        let all = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "TERM": "dumb", "PYTHONUNBUFFERED": "1"].merging(variables) { $1 }
        return ["/usr/bin/env", "-i", "-C", folder] + all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + words
    }

    /// Runs a program in the root to its end.
    ///
    /// - Throws: `ScenarioFailure` with its last output where it fails.
    static func run(_ words: [String], within seconds: Double = 60) throws {
        let child = try ChildProcess(command([:], words), name: words[0], errors: true, leads: true)
        var output: [String] = []
        while let line = try child.lineOrEnd(within: seconds) { output.append(line) }
        let status = child.exitStatus()
        guard status == 0 else {
            throw ScenarioFailure("`\(words.joined(separator: " "))` exited with \(status): \(output.suffix(3).joined(separator: "; "))")
        }
    }
}

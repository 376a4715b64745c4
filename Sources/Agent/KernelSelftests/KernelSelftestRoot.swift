// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Scenarios
import SystemPackage

/// The file system that the kernel's own selftests see: Debian's programs and the selftests' tree, where the harness put one into the image.
enum KernelSelftestRoot {
    /// Where it lies in the image, until the agent makes it its root.
    private static let path = "/selftests"
    /// The kernel's source tree in it, as far as the tests read it.
    static let tree = "/src"

    /// Of 2 MiB. ncdevmem takes 32 for large net_iovs, six times in turn, and what one held comes back when its page pool is next looked at,
    /// up to a second later: the 64 that the tests reserve themselves do not suffice a machine on which that second is not spent otherwise.
    private static let hugePages = 224

    /// Makes it this process's root, once; the machine is for selftests from then on.
    static func enter() throws {
        guard access(tree + "/tools/testing/selftests", R_OK) != 0 else { return }
        guard access(path + "/usr/bin", R_OK) == 0 else { throw ScenarioFailure("this guest has no selftests: its image was made without \(path)") }
        try FileSystem.bind(path, at: path)
        for folder in ["/proc", "/sys", "/dev", "/run", "/tmp"] { try FileSystem.bind(folder, at: path + folder) }
        try FileSystem.switchRoot(to: path)
        try KernelFile.write("/proc/sys/vm/nr_hugepages", "\(hugePages)")
        guard symlink("/proc/self/fd", "/dev/fd") == 0 || errno == EEXIST else { throw KernelError("linking /dev/fd", errno: Errno(rawValue: errno)) }
    }

    /// The command line that runs `words` with these environment variables and no others but what every program wants.
    static func command(folder: String = "/", _ variables: [String: String] = [:], _ words: [String]) -> [String] {
        let all = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "TERM": "dumb", "PYTHONUNBUFFERED": "1"].merging(variables) { $1 }
        return ["/usr/bin/env", "-i", "-C", folder] + all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + words
    }

    /// Runs a program in the root to its end.
    ///
    /// - Throws: `ScenarioFailure` with what it said where it fails.
    static func run(_ words: [String], within seconds: Double = 60) throws {
        let child = try ChildProcess(command([:], words), name: words[0], errors: true, leads: true)
        var said: [String] = []
        while let line = try child.lineOrEnd(within: seconds) { said.append(line) }
        let status = child.exitStatus()
        guard status == 0 else {
            throw ScenarioFailure("`\(words.joined(separator: " "))` exited with \(status): \(said.suffix(3).joined(separator: "; "))")
        }
    }
}

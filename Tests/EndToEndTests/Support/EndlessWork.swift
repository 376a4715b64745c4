// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport

/// Sources whose build or unpacking does not end by itself.
enum EndlessWork {
    /// A kernel tree whose compiler never ends and ignores SIGTERM; returns its path.
    static func tree(in scratch: TemporaryFolder) throws -> String {
        let wait = "trap '' TERM; cat \(try fifo(in: scratch))"
        try scratch.write("tree/Kconfig", "# none\n")
        try scratch.write(
            "tree/Makefile",
            """
            VERSION = 9
            PATCHLEVEL = 1
            SUBLEVEL = 0
            EXTRAVERSION =

            tinyconfig:
            \t@echo CONFIG_TINY=y > $(O)/.config
            olddefconfig modules_prepare:
            \t@true
            vmlinux:
            \t@\(wait)

            """)
        return scratch.path + "/tree"
    }

    /// A tarball, and the PATH with the unpacker, which never ends.
    static func tarball(in scratch: TemporaryFolder) throws -> (path: String, environment: [String: String]) {
        try scratch.write("bin/xz", "#!/bin/sh\ncat \(try fifo(in: scratch))\n", executable: true)
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return (try scratch.write("linux.tar.xz", "not read"), ["PATH": "\(scratch.path)/bin:\(path)"])
    }

    /// No process opens the FIFO for writing, so opening it for reading does not return.
    private static func fifo(in scratch: TemporaryFolder) throws -> String {
        let fifo = scratch.path + "/never"
        guard mkfifo(fifo, 0o600) == 0 else { throw CocoaError(.fileWriteUnknown) }
        return fifo
    }

    /// Whether the compiler, or the unpacker, has started to wait.
    static func isWaiting(_ running: Running) -> Bool {
        Processes.marked(running.mark).contains { $0.program == "cat" && $0.words.last == running.scratch.path + "/never" }
    }
}

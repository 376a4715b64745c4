// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Runs the commands of a build so that a hostile source can change nothing but its own objects: bubblewrap's `bwrap`, in namespaces of its own.
///
/// A source's Makefiles, Kconfig files ($(shell ...)), scripts and the programs that Kbuild compiles run as the user who builds. In the sandbox they
/// see the system's programs, read-only, the source, read-only, and the build's own folders; no home, no network, no other process, no terminal, an
/// empty /tmp. They run under the same paths as without it, so that the same bits are built.
public struct BuildSandbox: Sendable, Equatable {
    /// The path of bwrap.
    let program: String

    /// - Throws: `HarnessError` where there is no bwrap, or it does not work here.
    public init() async throws {
        guard let program = HostTools.path(of: "bwrap") else {
            throw HarnessError(
                .harness, "--sandbox needs bubblewrap, and there is no bwrap in PATH", hint: "apt-get install bubblewrap, or build without --sandbox")
        }
        self.program = program
        do {
            try await wrapped(Command("true", [])).output()
        } catch let error as HarnessError where error.cause == .toolFailed {
            throw HarnessError(
                .harness, "\(program) cannot make a sandbox here",
                hint:
                    "the kernel or a container manager refuses namespaces to this user: check sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns and user.max_user_namespaces, or build without --sandbox in a machine that may be lost",
                evidence: error.evidence)
        }
    }

    /// The system's programs, with the libraries, headers and data that they need.
    private static let system = [
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store", "/etc/alternatives", "/etc/ld.so.cache",
        "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/localtime", "/etc/perl", "/etc/python3",
        "/etc/python3.11", "/etc/python3.12", "/etc/python3.13", "/etc/python3.14", "/etc/ssl/openssl.cnf",
    ]

    /// For a tool that is not found in the sandbox.
    static let hintForTools =
        "the sandbox has the programs of the system only (/usr, /opt and the like): install it there, or build without --sandbox"

    /// A folder of the host, and its path in the sandbox.
    struct Folder: Sendable, Equatable {
        var host: String
        var path: String

        init(_ host: String, at path: String? = nil) { (self.host, self.path) = (host, path ?? host) }
    }

    /// The command in the sandbox.
    ///
    /// - Parameters:
    ///   - reads: folders that it may read, apart from the system's.
    ///   - writes: folders that it may write to. All of them exist.
    func wrapped(_ command: Command, reads: [Folder] = [], writes: [Folder] = []) -> Command {
        // With its parent's death bwrap dies, and with its first process the whole namespace.
        var words = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "ppiov"]
        for path in Self.system { words += ["--ro-bind-try", path, path] }
        words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp"]
        for folder in reads { words += ["--ro-bind", folder.host, folder.path] }
        for folder in writes { words += ["--bind", folder.host, folder.path] }
        // Last: it holds for the tmpfs that the mount points are on, not for the folders above.
        words += ["--remount-ro", "/", "--chdir", command.directory ?? "/tmp"]
        var wrapped = command
        wrapped.prefix = [program] + words + ["--"]
        wrapped.inherited = Self.variables
        wrapped.directory = nil
        // bwrap has --die-with-parent, and setpriv's signal would end bwrap only.
        wrapped.parentDeathSignal = nil
        return wrapped
    }

    private static var variables: [String: String] {
        var variables = ["HOME": "/nonexistent", "TMPDIR": "/tmp"]
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        // The other folders are not in the sandbox.
        let folders = path.split(separator: ":").filter { folder in system.contains { folder == $0 || folder.hasPrefix($0 + "/") } }
        variables["PATH"] = folders.isEmpty ? "/usr/bin:/bin" : folders.joined(separator: ":")
        return variables
    }
}

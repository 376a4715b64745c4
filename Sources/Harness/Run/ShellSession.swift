// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc

/// A shell in the guest, with the modules loaded and tools of the host in it; or one command, with its exit status.
public struct ShellSession: Sendable {
    private let context: HarnessContext

    public init(_ context: HarnessContext) { self.context = context }

    /// Programs of the host that are copied into the guest, where the host has them.
    private static let tools = [
        "sh", "bash", "awk", "basename", "busybox", "cat", "chmod", "cp", "cut", "date", "dd", "diff", "dirname", "dmesg", "du", "echo", "env",
        "ethtool", "expr", "false", "find", "free", "grep", "head", "hexdump", "hostname", "id", "insmod", "ip", "kill", "less", "ln", "ls", "lsmod",
        "make", "mkdir", "mktemp", "mount", "mv", "nc", "od", "perf", "ping", "printf", "ps", "readlink", "rm", "rmdir", "rmmod", "sed", "seq",
        "sleep", "socat", "sort", "ss", "stat", "strace", "stty", "sysctl", "tail", "tar", "tc", "tee", "test", "timeout", "touch", "tr",
        "trace-cmd", "true", "umount", "uname", "uniq", "vi", "wc", "xargs",
    ]

    /// Boots a guest whose console is the caller's terminal. QEMU replaces this process.
    ///
    /// - Parameter includes: `HOST[:GUEST]`, files and folders.
    /// - Throws: `HarnessError`. Does not return.
    public func interactive(_ settings: RunSettings, includes: [String]) async throws -> Never {
        var settings = settings
        settings.machine.shell = true
        let machine = try await context.prepare(settings, extra: try files(includes))
        context.progress.report("a shell on the guest's console; ctrl-a x ends QEMU")
        let qemu = settings.machine.qemu
        let words = [qemu] + machine.plan.line.interactiveArguments()
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        execvp(qemu, arguments)
        throw HarnessError(.harness, "cannot start \(qemu): \(String(cString: strerror(errno)))", hint: "`ppiov doctor` lists how to get it")
    }

    /// Runs one shell command in a guest.
    ///
    /// - Parameters:
    ///   - includes: `HOST[:GUEST]`, files and folders.
    ///   - output: called with each line of the command's output as it arrives.
    /// - Returns: its exit status.
    /// - Throws: `HarnessError` where the guest ends before the command does.
    public func run(
        _ command: String, _ settings: RunSettings, includes: [String], output: @escaping @Sendable (String) -> Void
    ) async throws -> Int32 {
        let script = try Self.script(command)
        defer { try? FileManager.default.removeItem(atPath: script) }
        let machine = try await context.prepare(settings, extra: try files(includes) + [("/etc/ppiov/command", script)])
        return try await withVirtualMachine(machine.plan.line) { machine in
            async let console = Self.lastLines(of: machine)
            async let _ = Self.drain(machine)
            for await line in machine.events {
                // The readers of console and trace are cancelled and awaited at the end of this scope.
                if line.text.hasPrefix(Self.mark), let status = Int32(line.text.dropFirst(Self.mark.count)) { return status }
                output(line.text)
            }
            try Task.checkCancellation()
            throw HarnessError(.harness, "the guest ended before the command did", evidence: await console)
        }
    }

    /// The last lines of the console at its end.
    private static func lastLines(of machine: VirtualMachine) async -> [String] {
        var last: [String] = []
        for await line in machine.console { last = last.suffix(19) + [line.text] }
        return last
    }

    /// Reads the trace channel and drops its bytes, so that the guest never waits for it.
    private static func drain(_ machine: VirtualMachine) async { for await _ in machine.trace {} }

    private static let mark = "ppiov-command-status "

    /// The command with its output on the events port, which carries no kernel messages, followed by its status.
    private static func script(_ command: String) throws -> String {
        let text = """
            export PATH=/bin:/sbin HOME=/ TERM=dumb
            for name in /sys/class/virtio-ports/*/name; do
                read -r port < "$name"
                [ "$port" = ppiov.events ] && port=${name%/name} && exec > /dev/"${port##*/}" 2>&1 && break
            done
            (
            \(command)
            )
            echo "\(mark)$?"
            """
        let path = NSTemporaryDirectory() + "ppiov-command.\(UUID().uuidString)"
        do {
            try (text + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw HarnessError(.harness, "cannot write \(path): \(error.localizedDescription)")
        }
        return path
    }

    private func files(_ includes: [String]) throws -> [(guestPath: String, hostPath: String)] {
        var files = Self.tools.compactMap { name in HostTools.path(of: name, also: ["/sbin", "/usr/sbin"]).map { ("/bin/\(name)", $0) } }
        for include in includes {
            let parts = include.split(separator: ":", maxSplits: 1).map(String.init)
            guard let given = parts.first else { throw HarnessError(.input, "--include takes HOST or HOST:GUEST, not \"\(include)\"") }
            let host = URL(fileURLWithPath: given).standardizedFileURL.path
            let guest = parts.count == 2 ? parts[1] : "/" + (host as NSString).lastPathComponent
            guard guest.hasPrefix("/") else { throw HarnessError(.input, "the guest's path in --include \(include) is not absolute") }
            var folder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: host, isDirectory: &folder) else {
                throw HarnessError(.input, "--include \(include): there is no \(host)")
            }
            if !folder.boolValue {
                files.append((guest, host))
                continue
            }
            for name in FileManager.default.enumerator(atPath: host)?.compactMap({ $0 as? String }) ?? [] {
                var inner: ObjCBool = false
                guard FileManager.default.fileExists(atPath: "\(host)/\(name)", isDirectory: &inner), !inner.boolValue else { continue }
                files.append(("\(guest)/\(name)", "\(host)/\(name)"))
            }
        }
        return files
    }
}

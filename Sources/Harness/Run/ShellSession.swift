// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Results

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

    /// Boots a guest whose console is the caller's terminal.
    ///
    /// QEMU is a child in the process group of this process, so that the terminal's foreground is both, and ends with it.
    ///
    /// - Parameter includes: `HOST[:GUEST]`, files and folders.
    /// - Returns: when QEMU has ended by itself.
    /// - Throws: `HarnessError` where QEMU failed, or another process ended it; `CancellationError`.
    public func interactive(_ settings: RunSettings, includes: [String]) async throws {
        var settings = settings
        settings.machine.shell = true
        let machine = try await context.prepare(settings, extra: try files(includes))
        context.progress.report("a shell on the guest's console; ctrl-a x ends QEMU")
        let terminal = TerminalMode()
        defer { terminal?.restore() }
        let exit = try await QEMUProcess.onTerminal(program: settings.machine.qemu, arguments: machine.plan.line.interactiveArguments())
        try Task.checkCancellation()
        guard exit.cause == .status(0) else { throw HarnessError(.harness, "\(exit)", hint: "`ppiov doctor` lists what is missing") }
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
        let folder = try OwnedFolder(in: Leftovers.temporary, prefix: Leftovers.prefix)
        defer { folder.remove() }
        let script = folder.path + "/command"
        try Files.write(Self.script(command), to: script)
        // On the kernel's command line and not in the script: the same command has the same image.
        let mark = CommandMark()
        var settings = settings
        settings.machine.extraKernelArguments.append("\(CommandMark.argument)=\(mark.token)")
        let machine = try await context.prepare(settings, extra: try files(includes) + [("/etc/ppiov/command", script)])
        return try await withVirtualMachine(machine.plan.line) { machine in
            async let console = Self.lastLines(of: machine)
            async let _ = Self.drain(machine)
            for await line in machine.events {
                // The readers of console and trace are cancelled and awaited at the end of this scope.
                guard let (last, status) = mark.end(in: line.text) else {
                    output(line.text)
                    continue
                }
                if !last.isEmpty { output(last) }
                return status
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

    /// The command with its output on the events port, which carries no kernel messages, followed by its status.
    private static func script(_ command: String) -> String {
        """
        export PATH=/bin:/sbin HOME=/ TERM=dumb
        for name in /sys/class/virtio-ports/*/name; do
            read -r port < "$name"
            [ "$port" = ppiov.events ] && port=${name%/name} && exec > /dev/"${port##*/}" 2>&1 && break
        done
        (
        \(command)
        )
        status=$?
        read -r words < /proc/cmdline
        words="${words##*\(CommandMark.argument)=}"
        echo "\(CommandMark.word) ${words%% *} $status"

        """
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

/// The line that ends a command's output, with its exit status. Its token is drawn for each machine: no output of a command that was written
/// before is such a line.
struct CommandMark {
    static let word = "ppiov-command-status"
    /// The kernel's argument with the token.
    static let argument = "ppiov.command"

    let token = MarkKey().token("command")

    /// What is before the mark in a line, and the status; nil where the line has no mark. Output that does not end with a line end has it behind it.
    func end(in line: String) -> (before: String, status: Int32)? {
        guard let mark = line.range(of: "\(Self.word) \(token) ", options: [.backwards, .literal]), let status = Int32(line[mark.upperBound...])
        else {
            return nil
        }
        return (String(line[..<mark.lowerBound]), status)
    }
}

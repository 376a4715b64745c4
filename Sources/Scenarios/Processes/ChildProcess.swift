// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import SystemPackage

/// A child process that reads lines of text from its standard input and writes lines to its standard output.
///
/// It is killed and reaped when the object is released: no scenario leaves a process behind.
public final class ChildProcess {
    public let pid: Int32
    private let name: String
    private var input: Int32
    private let output: Int32
    private var pending: [UInt8] = []
    /// How much of `pending` has no newline.
    private var searched = 0
    private var status: Int32?

    private let leads: Bool

    /// Starts `arguments` (the first is the program's path or, without a slash, a name in PATH).
    ///
    /// - Parameters:
    ///   - errors: its standard error is read together with its standard output.
    ///   - leads: the process leads a process group of its own, which is killed with it.
    public init(_ arguments: [String], name: String, errors: Bool = false, leads: Bool = false) throws {
        let (childInput, input) = try Self.pipe(name)
        let output: Int32, childOutput: Int32
        do {
            (output, childOutput) = try Self.pipe(name)
        } catch {
            close(childInput)
            close(input)
            throw error
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, childInput, 0)
        posix_spawn_file_actions_adddup2(&actions, childOutput, 1)
        if errors { posix_spawn_file_actions_adddup2(&actions, childOutput, 2) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // As a shell would start it: no signal is blocked or ignored.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (leads ? POSIX_SPAWN_SETPGROUP : 0)
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        words.append(nil)
        defer { words.forEach { free($0) } }
        var child: pid_t = 0
        let error = posix_spawnp(&child, arguments.first ?? "", &actions, &attributes, words, environ)
        close(childInput)
        close(childOutput)
        guard error == 0 else {
            close(input)
            close(output)
            throw KernelError("starting \(arguments.joined(separator: " "))", errno: Errno(rawValue: error))
        }
        pid = child
        self.name = name
        self.leads = leads
        self.input = input
        self.output = output
    }

    /// A pipe that no other child inherits: its reading and its writing end.
    private static func pipe(_ name: String) throws -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw KernelError("pipe for \(name)", errno: Errno(rawValue: errno)) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    deinit {
        if status == nil {
            kill(pid, SIGKILL)
            _ = reap()
        }
        if leads { kill(-pid, SIGKILL) }
        if input >= 0 { close(input) }
        close(output)
    }

    /// Sends one line.
    public func send(_ line: String) throws {
        let bytes = Array((line + "\n").utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw KernelError("writing \"\(line)\" to \(name)", errno: Errno(rawValue: errno)) }
            sent += count
        }
    }

    /// Waits for the next line, for `seconds` at the most.
    ///
    /// - Throws: `ScenarioFailure` where the process has ended.
    public func line(within seconds: Double) throws -> String {
        guard let line = try lineOrEnd(within: seconds) else { throw ScenarioFailure("\(name) (pid \(pid)) \(describe(reap()))") }
        return line
    }

    /// Waits for the next line, for `seconds` at the most; nil when every process that writes to the pipe has ended.
    ///
    /// - Parameter limit: the most bytes of a line; the rest of a longer one is dropped.
    public func lineOrEnd(within seconds: Double, limit: Int = .max) throws -> String? {
        let deadline = Deadline(seconds: seconds)
        while true {
            if let newline = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: pending[..<min(newline, limit)], as: UTF8.self)
                pending.removeSubrange(...newline)
                searched = 0
                return line
            }
            if pending.count > limit { pending.removeSubrange(limit...) }
            searched = pending.count
            guard !deadline.hasPassed else { throw ScenarioFailure("\(name) (pid \(pid)) wrote nothing for \(seconds) s") }
            var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            if poll(&descriptor, 1, deadline.remaining) <= 0 { continue }
            var chunk = [UInt8](repeating: 0, count: 4096)
            let count = read(output, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 {
                // The last output need not end with a newline.
                guard !pending.isEmpty else { return nil }
                defer { (pending, searched) = ([], 0) }
                return String(decoding: pending, as: UTF8.self)
            }
            pending += chunk[..<count]
        }
    }

    /// Sends a line and returns the next one.
    ///
    /// A process that does not reply in time is killed: its late reply would be read as the reply to the next line.
    public func exchange(_ line: String, within seconds: Double = 20) throws -> String {
        try send(line)
        do {
            return try self.line(within: seconds)
        } catch {
            kill(pid, SIGKILL)
            _ = reap()
            throw error
        }
    }

    /// Sends a command and returns the reply without its "ok "; any other reply is the failure.
    public func perform(_ command: String, within seconds: Double = 20) throws -> String {
        let reply = try exchange(command, within: seconds)
        guard reply == "ok" || reply.hasPrefix("ok ") else { throw ScenarioFailure("\(name): \(command): \(reply)") }
        return String(reply.dropFirst(3))
    }

    /// Ends the process and its group: SIGTERM, then SIGKILL for those that have not ended within `grace` seconds.
    ///
    /// - Parameter output: called with each line that they write until then.
    /// - Returns: whether all that write to the pipe ended before SIGKILL.
    public func terminate(grace: Double, output: (String) -> Void) -> Bool {
        let group = leads ? -pid : pid
        kill(group, SIGTERM)
        let deadline = Deadline(seconds: grace)
        var ended = false
        // Where it throws, the time has passed.
        while !deadline.hasPassed, case .success(let line) = Result(catching: { try lineOrEnd(within: Double(deadline.remaining) / 1000) }) {
            guard let line else {
                ended = true
                break
            }
            output(line)
        }
        if !ended { kill(group, SIGKILL) }
        return ended
    }

    /// Waits until the process ends, without killing it.
    ///
    /// - Returns: its exit status; 128 plus the signal where a signal ended it.
    public func exitStatus() -> Int32 {
        let status = reap()
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }

    /// Sends SIGKILL and waits until the process has ended.
    public func killNow() throws {
        kill(pid, SIGKILL)
        let status = reap()
        guard status & 0x7f == SIGKILL else { throw ScenarioFailure("\(name) (pid \(pid)) \(describe(status)) and was not ended by SIGKILL") }
    }

    /// Closes its standard input and waits until the process has ended.
    public func finish(within seconds: Double) throws {
        if input >= 0 { Glibc.close(input) }
        input = -1
        // Its output is at end of file when the process has ended.
        let deadline = Deadline(seconds: seconds)
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard !deadline.hasPassed else { throw ScenarioFailure("\(name) (pid \(pid)) did not end within \(seconds) s") }
            if poll(&descriptor, 1, deadline.remaining) <= 0 { continue }
            if read(output, &chunk, chunk.count) == 0 { break }
        }
        let status = reap()
        guard status == 0 else { throw ScenarioFailure("\(name) (pid \(pid)) \(describe(status))") }
    }

    private func reap() -> Int32 {
        if let status { return status }
        var code: Int32 = 0
        while waitpid(pid, &code, 0) < 0 && errno == EINTR {}
        status = code
        return code
    }

    private func describe(_ status: Int32) -> String {
        status & 0x7f == 0 ? "exited with \((status >> 8) & 0xff)" : "was ended by signal \(status & 0x7f)"
    }
}

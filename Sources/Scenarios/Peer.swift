// SPDX-License-Identifier: GPL-2.0

/// The other end of the wire: a process of the agent in the peer's network namespace, or on the remote host, that connects
/// to the scenario's sockets and sends the pattern. See `PeerProcess` in the agent for the commands.
public final class Peer {
    private let process: ChildProcess

    /// - Parameter command: what starts `ppiov-agent peer` where the peer is.
    public init(_ command: [String]) throws {
        process = try ChildProcess(command, name: "the peer")
        // It speaks first, so that a peer that cannot start says why.
        let greeting = try process.line(within: 20)
        guard greeting == "ok peer" else { throw ScenarioFailure("the peer said \"\(greeting)\" instead of \"ok peer\"") }
    }

    /// How slow the machine is, as of `ScenarioRun.patience`.
    var scale = 2.0

    var pid: Int32 { process.pid }

    /// - Parameter seconds: for the answer; nil for a command that has nothing to wait for.
    func ask(_ command: String, within seconds: Double? = nil) throws -> String { try process.ask(command, within: seconds ?? 30 * scale) }

    /// Connects a TCP socket.
    func connect(to address: String, port: UInt16, within seconds: Double) throws {
        _ = try ask("connect \(address) \(port) \(Int(seconds * 1000))", within: seconds * 2)
    }

    /// Starts sending `bytes` of the pattern in the background (0: until the socket or the peer closes).
    func send(_ pattern: PayloadPattern, bytes: UInt64) throws { _ = try ask("send \(pattern.seed) \(bytes)") }

    /// Sends `bytes` more of the pattern, from where it is.
    func sendMore(_ bytes: UInt64) throws { _ = try ask("more \(bytes)") }

    /// Waits for the end of the sending; gives the bytes the socket took.
    func sent(within seconds: Double) throws -> UInt64 {
        guard let bytes = UInt64(try ask("join", within: seconds)) else { throw ScenarioFailure("the peer does not say what it sent") }
        return bytes
    }

    /// Starts receiving `bytes` in the background and comparing them with the pattern (0: until the stream ends).
    func receive(_ pattern: PayloadPattern, bytes: UInt64) throws { _ = try ask("receive \(pattern.seed) \(bytes)") }

    /// Waits for the end of the receiving.
    ///
    /// - Returns: the bytes that came, and the stream offset of the first that is not the one sent.
    func received(within seconds: Double) throws -> (bytes: UInt64, mismatch: UInt64?) {
        let words = try ask("received", within: seconds).split(separator: " ").map { UInt64($0) }
        guard let first = words.first, let bytes = first else { throw ScenarioFailure("the peer does not say what it received") }
        return (bytes, words.count > 1 ? words[1] : nil)
    }

    /// Closes the peer's socket with a reset, or does nothing where there is none; see ``abort(_:)``.
    func abort() throws { _ = try ask("abort") }

    /// Closes the peer's socket, aborting what is being sent.
    func close() throws { _ = try ask("close") }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// The peer with several sockets, and with segments that no TCP would send: its commands, see `PeerSockets` and `ForgedConnection`
/// in the agent.
extension Peer {
    /// Connects socket `number`.
    func open(_ number: Int, to address: String, port: UInt16, within seconds: Double) throws {
        _ = try ask("open \(number) \(address) \(port) \(Int(seconds * 1000))", within: seconds * 2)
    }

    /// Starts sending the next `bytes` of the pattern from `start` on, in writes of `sizes` over and over, each sent at once (TCP_NODELAY).
    func write(_ number: Int, _ pattern: PayloadPattern, from start: UInt64 = 0, bytes: UInt64, sizes: [Int]) throws {
        _ = try ask("write \(number) \(pattern.seed) \(start) \(bytes) \(sizes.map(String.init).joined(separator: ","))")
    }

    /// Waits for the end of the last write; gives the bytes that the socket took.
    func written(_ number: Int, within seconds: Double) throws -> UInt64 {
        guard let bytes = UInt64(try ask("written \(number)", within: seconds)) else {
            throw ScenarioFailure("the peer does not say what it sent")
        }
        return bytes
    }

    /// Waits until all that was written is acknowledged: nothing of it will be sent again.
    func awaitAcknowledged(_ number: Int, within seconds: Double) throws {
        let end = MonotonicClock.now + UInt64(seconds * 1e9)
        while try ask("acknowledged \(number)") != "yes" {
            guard MonotonicClock.now < end else { throw ScenarioFailure("the peer has bytes that are not acknowledged after \(seconds) s") }
            // No TCP tells its user of that.
            _ = poll(nil, 0, 2)
        }
    }

    /// Closes a socket with a reset, aborting what is being sent.
    func reset(_ number: Int) throws { _ = try ask("reset \(number)") }

    /// Closes a socket with a reset, or does nothing where there is none. For the end of a scenario: a socket that is closed in order goes on
    /// sending what it has, and when the next interface is up it would send that into the next scenario.
    func abort(_ number: Int) throws { _ = try ask("abort \(number)") }

    /// Closes a socket, or does nothing where there is none.
    func shut(_ number: Int) throws { _ = try ask("shut \(number)") }
}

extension TestBed {
    /// A connection from the peer's socket `number`, accepted here; closed when the run is over at the latest.
    ///
    /// - Parameter address: the local one, where it is not the bed's IPv4 address.
    func connect(_ run: ScenarioRun, _ number: Int, at address: String? = nil) throws -> Connection {
        let seconds = run.patience(10)
        let address = address ?? local
        let listener = try Self.listen(on: address)
        do {
            try peer.open(number, to: address, port: Self.port, within: seconds)
            let connection = Connection(try TCP.accept(listener, timeoutMilliseconds: CInt(seconds * 1000)))
            listener.close()
            run.cleanUp("connection \(number) closed") { connection.close() }
            run.cleanUp("peer's socket \(number) closed") { try self.peer.abort(number) }
            return connection
        } catch {
            listener.close()
            throw error
        }
    }

    /// A connection whose segments are put together by the peer (`ForgedConnection`), from an address that nobody has.
    func connectForged(_ run: ScenarioRun) throws -> Connection {
        guard let peerIndex else { throw ScenarioSkip("\(interface) is not the harness's own netdevsim") }
        return try run.step("connected with a TCP of the peer's own making") {
            let seconds = run.patience(10)
            let listener = try Self.listen(on: local)
            do {
                _ = try peer.ask("forge \(peerIndex) 192.0.2.77 \(local) \(Self.port)", within: seconds * 2)
                let connection = Connection(try TCP.accept(listener, timeoutMilliseconds: CInt(seconds * 1000)))
                listener.close()
                run.cleanUp("connection closed") { connection.close() }
                run.cleanUp("peer's connection reset") { _ = try self.peer.ask("unforge") }
                return connection
            } catch {
                listener.close()
                throw error
            }
        }
    }

    /// Has a packet that is none of the scenario's reach the queue, so that the driver polls it and takes buffers up again.
    func nudge() {
        // Nobody listens there: the answer is a refusal.
        try? peer.open(Self.nudger, to: local, port: Self.port + 1, within: 2)
    }

    private static let nudger = 999
}

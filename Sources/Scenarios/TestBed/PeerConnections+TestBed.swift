// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// Connections from the peer.
extension TestBed {
    /// A connection from the peer's one socket; closed when the run is over at the latest.
    func connect(_ run: ScenarioRun) throws -> Connection {
        try run.step("connected") {
            try accept(run, at: local) { seconds in
                try peer.connect(to: local, port: Connection.port, within: seconds)
            } connected: { connection in
                run.cleanUp("connection closed") { connection.close() }
                run.cleanUp("peer's socket closed") { try self.peer.abort() }
            }
        }
    }

    /// A connection from the peer's socket `number`; closed when the run is over at the latest.
    ///
    /// - Parameter address: the local one; nil for the bed's IPv4 address.
    func connect(_ run: ScenarioRun, _ number: Int, at address: String? = nil) throws -> Connection {
        try accept(run, at: address ?? local) { seconds in
            try peer.open(number, to: address ?? local, port: Connection.port, within: seconds)
        } connected: { connection in
            run.cleanUp("connection \(number) closed") { connection.close() }
            run.cleanUp("peer's socket \(number) closed") { try self.peer.abort(number) }
        }
    }

    /// A connection whose segments the peer makes itself (`RawTCPConnection` in the agent), from an address that no interface has.
    func connectRawTCP(_ run: ScenarioRun) throws -> Connection {
        guard let peerIndex else { throw notNetdevsim }
        return try run.step("connected with a TCP of the peer's own") {
            try accept(run, at: local) { seconds in
                try peer.perform(
                    .openRawTCP(ifindex: peerIndex, source: "192.0.2.77", target: local, port: Connection.port), within: seconds * 2)
            } connected: { connection in
                run.cleanUp("connection closed") { connection.close() }
                run.cleanUp("peer's connection reset") { try self.peer.perform(.closeRawTCP) }
            }
        }
    }

    /// Listens on `address`, has the peer connect, and accepts.
    private func accept(
        _ run: ScenarioRun, at address: String, connect: (Double) throws -> Void, connected: (Connection) -> Void
    ) throws -> Connection {
        let seconds = run.timeout(10)
        let listener = try Connection.listen(on: address)
        let outcome = Result {
            try connect(seconds)
            return Connection(try TCP.accept(listener, timeoutMilliseconds: CInt(seconds * 1000)))
        }
        listener.close()
        let connection = try outcome.get()
        connected(connection)
        return connection
    }

    /// Sends a packet to the queue that carries no payload of the scenario, so that the driver polls the queue and takes buffers from the provider.
    func pokeNAPI() {
        // No socket listens on that port: the connection is refused.
        try? peer.open(999, to: local, port: Connection.port + 1, within: 2)
    }
}

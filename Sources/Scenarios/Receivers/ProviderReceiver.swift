// SPDX-License-Identifier: GPL-2.0

import Results

/// The common interface of both providers' receivers, so that a scenario is written once.
protocol ProviderReceiver: AnyObject {
    /// Deliveries that the user holds.
    var heldCount: Int { get }
    /// Different net_iovs among them.
    var heldNetIovs: Int { get }
    /// Bytes of the stream so far.
    var received: UInt64 { get }
    /// Another connection begins; its stream is the pattern from the start.
    func beginStream()
    /// Receives until `total` bytes of the stream are received, and checks each.
    ///
    /// - Parameter hold: the user holds the deliveries; otherwise they are returned at once.
    func receive(from socket: CInt, total: UInt64, hold: Bool, within seconds: Double) throws
    /// Checks every held delivery again: it must be unchanged while the user holds it.
    func recheckHeld() throws
    /// Returns what is held: through the refill ring, or as tokens of `socket`.
    func returnAll(to socket: CInt) throws
    /// What was received, compared with what was sent. Called while the provider is bound.
    func payload(sent: UInt64, complete: Bool) throws -> PayloadRecord
    /// Leaves what arrives from now on unread in the socket.
    func disarm(within seconds: Double) throws
    /// Ends the provider: closes the ring, or the netlink socket that owns the binding. A second call does nothing.
    func end()
}

extension ZeroCopyReceiver: ProviderReceiver {
    var heldCount: Int { held.count }
    func returnAll(to socket: CInt) throws { try returnAll() }
    func end() { close() }
}

extension DevmemReceiver: ProviderReceiver {
    var heldCount: Int { held.count }
    func disarm(within seconds: Double) throws {}
    func end() { unbind() }
}

extension Provider {
    /// Makes the provider's receiver on the bed's queue; it is closed when the run is over.
    func makeReceiver(_ run: ScenarioRun, bed: any TestBed, pages: Int = 512, pattern: PayloadPattern) throws -> any ProviderReceiver {
        switch self {
        case .zcrx: try ZeroCopyReceiver.make(run, bed: bed, pages: pages, pattern: pattern)
        case .devmem: try DevmemReceiver.make(run, bed: bed, pages: pages, pattern: pattern)
        case .pages: throw ScenarioFailure("ordinary pages have no receiver")
        }
    }
}

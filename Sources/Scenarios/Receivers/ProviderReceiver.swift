// SPDX-License-Identifier: GPL-2.0

import Results

/// What both memory providers' receivers can do, so that a scenario is written once.
protocol ProviderReceiver: AnyObject {
    /// Deliveries that user space keeps.
    var heldCount: Int { get }
    /// Different net_iovs among them.
    var heldNetIovs: Int { get }
    /// Bytes of the stream so far.
    var received: UInt64 { get }
    /// Another connection begins: its stream is the pattern from its begin.
    func beginStream()
    /// Receives until `total` bytes of the stream are there, checking each.
    ///
    /// - Parameter keep: what is delivered stays with the user; otherwise it goes back at once.
    func receive(from socket: CInt, total: UInt64, hold: Bool, within seconds: Double) throws
    /// Reads what is held again: nobody may have written to what the user still owns.
    func recheckHeld() throws
    /// Gives back what is held: refill ring, or tokens of `socket`.
    func returnAll(to socket: CInt) throws
    /// What came through, against what was sent. While the provider is bound.
    func payload(sent: UInt64, complete: Bool) throws -> PayloadRecord
    /// Leaves what arrives from now on in the socket.
    func disarm(within seconds: Double) throws
    /// Ends the provider: closes the ring, or the netlink socket that owns the binding. Once; then it does nothing.
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
    /// Makes the provider's receiver on the bed's queue; taken down when the run is over.
    func makeReceiver(_ run: ScenarioRun, bed: any TestBed, pages: Int = 512, pattern: PayloadPattern) throws -> any ProviderReceiver {
        switch self {
        case .zcrx: try ZeroCopyReceiver.make(run, bed: bed, pages: pages, pattern: pattern)
        case .devmem: try DevmemReceiver.make(run, bed: bed, pages: pages, pattern: pattern)
        case .pages: throw ScenarioFailure("ordinary pages have no receiver")
        }
    }
}

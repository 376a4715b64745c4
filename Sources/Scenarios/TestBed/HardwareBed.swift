// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// The interface that NETIF names, set to one queue and to the configuration that providers need. Its settings are restored when the run is over.
final class HardwareBed: TestBed {
    let interface: String
    let ifindex: UInt32
    let queue: UInt32 = 0
    let local: String
    let peer: Peer
    let peerIndex: UInt32? = nil

    private init(interface: String, ifindex: UInt32, local: String, peer: Peer) {
        self.interface = interface
        self.ifindex = ifindex
        self.local = local
        self.peer = peer
    }

    static func make(_ run: ScenarioRun, _ peer: Peer, _ hardware: HardwareInterface) throws -> HardwareBed {
        let links = try Links()
        let index = try run.step("\(hardware.name) found") { try links.ifindex(of: hardware.name) }
        let bed = HardwareBed(interface: hardware.name, ifindex: index, local: hardware.local, peer: peer)
        let ethtool = try Ethtool()
        let rings = try run.step("ring settings read") { try ethtool.rings(of: index) }
        let channels = try? ethtool.channels(of: index)
        if let combined = channels?.combined, combined > 1 {
            // With one queue every NIC steers all traffic to it.
            do {
                try ethtool.setChannels(of: index, to: DeviceChannels(combined: 1))
            } catch {
                throw ScenarioSkip("\(hardware.name) has \(combined) queues and refuses one queue (\(error)), so traffic cannot be steered")
            }
            run.cleanUp("channels of \(hardware.name) restored") {
                let ethtool = try Ethtool()
                try ethtool.setChannels(of: index, to: DeviceChannels(combined: combined))
            }
        }
        run.cleanUp("ring settings of \(hardware.name) restored") {
            let ethtool = try Ethtool()
            try ethtool.setRings(of: index, to: DeviceRings(tcpDataSplit: rings.tcpDataSplit, hdsThreshold: rings.hdsThreshold))
        }
        try run.step("tcp-data-split on, hds-thresh 0") { try bed.splitHeaders() }
        return bed
    }

    func settle(_ run: ScenarioRun) throws { try run.pools.drain(within: run.timeout(6)) }
}

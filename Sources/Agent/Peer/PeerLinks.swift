// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Scenarios

/// Commands for the links and page pools of the peer's network namespace.
enum PeerLinks {
    static func perform(_ command: PeerCommand) throws -> PeerReply {
        switch command {
        case .makeNetdevsim(let id): return PeerReply(number: UInt64(try Netdevsim.create(id: id, queues: 1).ifindex))
        case .removeNetdevsim(let id): try Netdevsim.remove(id: id)
        case .addAddress(let ifindex, let address, let prefixLength):
            guard let address = IPAddress(address) else { throw ScenarioFailure("\"\(address)\" is not an IP address") }
            try Links().add(address, prefixLength: prefixLength, to: ifindex)
        case .setUp(let ifindex): try Links().set(ifindex, up: true)
        case .setMTU(let ifindex, let bytes): try Links().set(ifindex, mtu: bytes)
        case .reportPoolChanges(let ifindex, let milliseconds): return PeerReply(words: try changes(ifindex, within: milliseconds))
        case .readPagePool(let id): return try readPagePool(id)
        default: throw ScenarioFailure("\(command) is not a command for a link")
        }
        return PeerReply()
    }

    /// How page-pool-get and page-pool-stats-get answer for the pool, and how often a dump contains it.
    private static func readPagePool(_ id: UInt64) throws -> PeerReply {
        func answer(_ body: () throws(KernelError) -> Void) -> String {
            do throws(KernelError) {
                try body()
                return "granted"
            } catch {
                return error.codeName
            }
        }
        let netdev = try Netdev()
        let get = answer { () throws(KernelError) in _ = try netdev.pagePool(id) }
        let statistics = answer { () throws(KernelError) in _ = try netdev.pagePoolStats(id) }
        let dump = Result { try netdev.pagePools() }
        netdev.close()
        return PeerReply(number: UInt64(try dump.get().count { $0.id == id }), words: [get, statistics])
    }

    /// The notifications of an interface's page pools while it is set down and up again, until the first "added".
    private static func changes(_ ifindex: UInt32, within milliseconds: Int32) throws -> [String] {
        var netdev = try Netdev()
        var changes: [String] = []
        let result = Result {
            try netdev.subscribePagePools()
            try Links().set(ifindex, up: false)
            try Links().set(ifindex, up: true)
            while changes.last != "\(PagePoolNotification.Change.added)",
                let notification = try netdev.nextNotification(timeoutMilliseconds: milliseconds)
            {
                if notification.pool.ifindex == ifindex { changes.append("\(notification.change)") }
            }
        }
        netdev.close()
        try result.get()
        return changes
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// What a process is before it asks.
enum Standing: String {
    /// No capability at all.
    case nobody
    /// Every capability, in a user namespace that owns nothing.
    case ownNamespace = "own-namespace"

    func take() throws {
        switch self {
        case .nobody:
            // No capability is left after the change of the user id.
            guard setgid(65534) == 0, setuid(65534) == 0 else { throw ScenarioFailure("giving up root failed with errno \(errno)") }
        case .ownNamespace: try UserNamespace.enterNew()
        }
    }
}

/// A binding that may be refused.
enum BindAttempt {
    /// Binds and, should that work, unbinds.
    ///
    /// - Parameter prepared: done when there is nothing left to do but ask.
    /// - Returns: the refusal; nil where it was granted.
    static func attempt(_ provider: Provider, ifindex: UInt32, queue: UInt32, prepared: () throws -> Void = {}) -> KernelError? {
        do {
            if provider == .zcrx {
                try prepared()
                let place = ZeroCopyReceiver.Place(ifindex: ifindex, queue: queue)
                try ZeroCopyReceiver(at: place, pages: 64, statistics: false, pattern: PayloadPattern(seed: 0)).close()
            } else {
                let memory = try UserDMABuf(size: 64 * MappedMemory.pageSize)
                var netdev = try Netdev()
                let outcome = Result {
                    try prepared()
                    return try netdev.bindRX(ifindex: ifindex, dmabuf: memory.rawValue, queues: [queue])
                }
                netdev.close()
                memory.close()
                _ = try outcome.get()
            }
            return nil
        } catch let error as KernelError {
            return error
        } catch {
            return KernelError("\(error)", code: EIO)
        }
    }
}

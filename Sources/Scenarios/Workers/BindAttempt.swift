// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// The privileges of a process that tries to bind.
enum Privilege: String {
    /// No capability.
    case nobody
    /// Every capability, in a user namespace that owns no network namespace.
    case ownNamespace = "own-namespace"

    /// Takes the other privileges from this process.
    func reduce() throws {
        switch self {
        case .nobody:
            // No capability is left after the change of the user id.
            guard setgid(65534) == 0, setuid(65534) == 0 else { throw ScenarioFailure("setuid(2) to nobody failed with errno \(errno)") }
        case .ownNamespace: try UserNamespace.enterNew()
        }
    }
}

/// A binding that may be refused.
enum BindAttempt {
    /// Binds, and unbinds where that was granted.
    ///
    /// - Parameter prepared: done immediately before the request.
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

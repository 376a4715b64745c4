// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

extension ZeroCopyReceiver {
    /// Gives the live queue one more area, which the receiver takes over.
    func addArea(_ memory: AreaMemory) throws {
        do {
            try with { parts in
                let token = try parts.ring.addArea(memory.registration, queue: parts.queue.id)
                guard token >> ZeroCopyReceive.areaShift == UInt64(parts.areas.count) else {
                    throw ScenarioFailure("area \(parts.areas.count) has the token \(token)")
                }
                parts.areas.append(memory)
            }
        } catch {
            memory.close()
            throw error
        }
    }

    /// The refusal of an area; nil where it was granted.
    ///
    /// - Parameter frozen: whether the kernel can only read the request.
    func attemptArea(_ area: ZeroCopyReceive.Registration.Area, frozen: Bool = false) -> KernelError? {
        refusal { parts in
            if frozen { return try parts.ring.addAreaFrozen(area, queue: parts.queue.id) }
            _ = try parts.ring.addArea(area, queue: parts.queue.id)
        }
    }

    /// The refusal to arm an event again; nil where it was granted.
    func attemptArming(_ event: ZeroCopyReceive.Event) -> KernelError? {
        refusal { parts in try parts.ring.armEvent(event, queue: parts.queue.id) }
    }

    private func refusal(_ body: (inout Registered) throws -> Void) -> KernelError? {
        do {
            try with(body)
            return nil
        } catch let error as KernelError {
            return error
        } catch {
            return KernelError("\(error)", code: EIO)
        }
    }
}

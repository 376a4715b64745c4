// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

extension ZeroCopyReceiver {
    /// Adds an area to the live queue; the receiver owns it from now on.
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

    /// Tries to add an area.
    ///
    /// - Parameter readOnly: the kernel can read the request and not write to it.
    /// - Returns: the refusal; nil where the area was added.
    func attemptArea(_ area: ZeroCopyReceive.Registration.Area, readOnly: Bool = false) -> KernelError? {
        refusal { parts in
            if readOnly { return try parts.ring.addAreaReadOnlyArgument(area, queue: parts.queue.id) }
            _ = try parts.ring.addArea(area, queue: parts.queue.id)
        }
    }

    /// Tries to arm an event again.
    ///
    /// - Returns: the refusal; nil where it was armed.
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

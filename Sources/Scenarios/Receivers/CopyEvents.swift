// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Payload that zcrx copies, because loopback delivers it in pages, and the events that report the copies.
extension ZeroCopyReceiver {
    /// The pattern that ``receiveCopies(_:counted:)`` sends; the receiver is made with it.
    static let copiedPattern = PayloadPattern(seed: 46)

    /// Sends payload over loopback four times. Each time every byte is copied, and one event reports it, since the event was armed once.
    ///
    /// - Parameter counted: the kernel counts copied bytes too.
    func receiveCopies(_ run: ScenarioRun, counted: Bool = true) throws {
        try run.step("arming an event that has not fired: EINVAL") { try Self.checkArmingRefusal(attemptArming(.copied)) }
        let wire = try Loopback(run, pattern: Self.copiedPattern)
        for turn in 1...4 {
            try run.step("16384 bytes received, all copied, \(turn) events") {
                try wire.send(16_384, within: run.timeout(10))
                try receive(from: wire.receiver.rawValue, total: wire.sent, hold: true, within: run.timeout(20))
                try awaitEvents(turn, within: run.timeout(5))
                guard events == Array(repeating: .copied, count: turn) else { throw ScenarioFailure("events: \(events)") }
                guard counted else { return }
                let copied = try copiedBytes()
                guard copied == wire.sent else { throw ScenarioFailure("\(copied.map(String.init) ?? "none") of \(wire.sent) bytes counted") }
            }
            if turn < 4 { try run.step("armed again") { if let error = attemptArming(.copied) { throw error } } }
        }
        try run.step("\(held.count) held deliveries are unchanged") { try recheckHeld() }
        run.payload = try payload(sent: wire.sent, complete: true)
        try run.pools.observe()
    }

    /// An event that has not fired cannot be armed (`zcrx_arm_notif()`).
    static func checkArmingRefusal(_ error: KernelError?) throws {
        guard let error else { throw ScenarioFailure("arming was granted, and no event had fired") }
        guard error.code == EINVAL else { throw error }
    }
}

// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// The expected refusal.
struct RefusalExpectation {
    var errno: CInt
    /// The message of the extack. devmem has one, zcrx has none.
    var message: String?

    init(_ errno: CInt, _ message: String? = nil) {
        self.errno = errno
        self.message = message
    }
}

extension ScenarioRun {
    /// Tries to bind, and expects the refusal: its errno, the extack of devmem, and unchanged pools.
    func expectRefused(_ provider: Provider, _ bed: any TestBed, queue: UInt32, _ refusal: RefusalExpectation) throws {
        let before = try pools.observe()
        let error = BindAttempt.attempt(provider, ifindex: bed.ifindex, queue: queue)
        try expectRefusal(error, refusal.errno, "binding queue \(queue)")
        if provider == .devmem, let message = refusal.message {
            try expect(error?.message == message, "the extack is \"\(message)\"", "it is \"\(error?.message ?? "empty")\"")
        }
        let after = try pools.observe()
        try expect(
            after.map { $0.id } == before.map { $0.id }, "the pools are the same after the refusal", "\(before) became \(after)")
    }
}

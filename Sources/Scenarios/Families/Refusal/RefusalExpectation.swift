// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// The answer that is expected.
struct RefusalExpectation {
    var errno: CInt
    /// Words of the extack, which devmem gets and zcrx does not.
    var message: String?

    init(_ errno: CInt, _ message: String? = nil) {
        self.errno = errno
        self.message = message
    }
}

extension ScenarioRun {
    /// Tries to bind, and expects the refusal: its errno, its extack where devmem has one, and the pools as they were.
    func expectRefused(_ provider: Provider, _ bed: any TestBed, queue: UInt32, _ refusal: RefusalExpectation) throws {
        let before = try pools.observe()
        let error = BindAttempt.attempt(provider, ifindex: bed.ifindex, queue: queue)
        let name = KernelError("", code: refusal.errno).codeName
        try expect(error?.code == refusal.errno, "refused with \(name)", error.map { "\($0)" } ?? "it was granted")
        if provider == .devmem, let message = refusal.message {
            try expect(error?.message == message, "the kernel says \"\(message)\"", "it says \"\(error?.message ?? "nothing")\"")
        }
        let after = try pools.observe()
        try expect(
            after.map { $0.id } == before.map { $0.id }, "the refusal left the pools as they were", "\(before) became \(after)")
    }
}

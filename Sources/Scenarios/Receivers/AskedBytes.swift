// SPDX-License-Identifier: GPL-2.0

/// The bytes that a receive may bring (`sqe->len` of `IORING_OP_RECV_ZC`).
struct AskedBytes {
    /// 0 for as many as there are.
    private let limit: Int
    private var brought = 0

    init(limit: Int = 0) { self.limit = limit }

    /// - Throws: `ScenarioFailure` where they are more than it was asked for.
    mutating func bring(_ bytes: Int) throws {
        brought += bytes
        guard limit == 0 || brought <= limit else { throw ScenarioFailure("a receive of \(limit) bytes brought \(brought)") }
    }

    /// Whether that is why it ended; else its stream did.
    var areAllThere: Bool { limit > 0 && brought == limit }
}

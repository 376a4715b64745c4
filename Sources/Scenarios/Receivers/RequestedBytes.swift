// SPDX-License-Identifier: GPL-2.0

/// How many bytes a receive request may deliver, and has delivered (`sqe->len` of `IORING_OP_RECV_ZC`).
struct RequestedBytes {
    /// 0 for no limit.
    private let limit: Int
    private var delivered = 0

    init(limit: Int = 0) { self.limit = limit }

    /// Counts delivered bytes.
    ///
    /// - Throws: `ScenarioFailure` where there are more than the limit.
    mutating func deliver(_ bytes: Int) throws {
        delivered += bytes
        guard limit == 0 || delivered <= limit else { throw ScenarioFailure("a receive of \(limit) bytes delivered \(delivered)") }
    }

    /// Whether the request ended because of its limit; otherwise its stream has ended.
    var isComplete: Bool { limit > 0 && delivered == limit }
}

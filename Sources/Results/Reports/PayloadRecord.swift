// SPDX-License-Identifier: GPL-2.0

/// What the receiver observed of the payload.
public struct PayloadRecord: Codable, Sendable, Equatable {
    public var sent: UInt64
    public var received: UInt64
    /// Received in net_iovs without a copy.
    public var zeroCopy: UInt64
    /// Received through the copy fallback or the linear part.
    public var copied: UInt64
    /// Offset of the first byte that was not the one sent.
    public var firstMismatch: UInt64?
    /// The scenario reads everything that was sent.
    public var complete: Bool

    public init(sent: UInt64, received: UInt64, zeroCopy: UInt64, copied: UInt64, firstMismatch: UInt64?, complete: Bool) {
        self.sent = sent
        self.received = received
        self.zeroCopy = zeroCopy
        self.copied = copied
        self.firstMismatch = firstMismatch
        self.complete = complete
    }
}

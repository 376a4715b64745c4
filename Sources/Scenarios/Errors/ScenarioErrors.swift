// SPDX-License-Identifier: GPL-2.0

/// A step failed. The description has the error.
public struct ScenarioFailure: Error, CustomStringConvertible, Sendable {
    public var description: String

    public init(_ description: String) { self.description = description }
}

/// Something that the scenario needs is missing, which it found while it ran.
public struct ScenarioSkip: Error, Sendable {
    public var reason: String

    public init(_ reason: String) { self.reason = reason }

    /// The interface's driver refused a buffer larger than a page with EOPNOTSUPP.
    static let noLargeBuffers = ScenarioSkip("the driver of this interface accepts no buffers larger than a page (QCFG_RX_PAGE_SIZE of its driver)")
}

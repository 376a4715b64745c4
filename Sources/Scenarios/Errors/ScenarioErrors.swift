// SPDX-License-Identifier: GPL-2.0

/// A step that did not do what it should: the scenario's own words for it.
public struct ScenarioFailure: Error, CustomStringConvertible, Sendable {
    public var description: String

    public init(_ description: String) { self.description = description }
}

/// Something the scenario needs is not there; found out on the way.
public struct ScenarioSkip: Error, Sendable {
    public var reason: String

    public init(_ reason: String) { self.reason = reason }

    /// The interface's driver answered a buffer larger than a page with EOPNOTSUPP.
    static let noLargeBuffers = ScenarioSkip("this interface takes no buffers larger than a page (QCFG_RX_PAGE_SIZE of its driver)")
}

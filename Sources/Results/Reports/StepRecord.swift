// SPDX-License-Identifier: GPL-2.0

/// One step of a scenario as it happened.
public struct StepRecord: Codable, Sendable, Equatable {
    public var name: String
    public var ok: Bool
    public var detail: String?

    public init(name: String, ok: Bool, detail: String? = nil) {
        self.name = name
        self.ok = ok
        self.detail = detail
    }
}

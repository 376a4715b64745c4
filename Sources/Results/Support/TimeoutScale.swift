// SPDX-License-Identifier: GPL-2.0

/// The factor on every deadline of a run, on the host and in the guest.
///
/// Deadlines in the code are nominal: what a plain kernel under KVM on an idle host needs, with a margin. The host computes the factor
/// once, from the accelerator, the kernel's profile and `--timeout-scale`, and sends it to the guest in `AgentCommand`. Coded as its number.
public struct TimeoutScale: RawRepresentable, Codable, Sendable, Hashable {
    /// Above 0 and finite.
    public let rawValue: Double

    /// nil where the factor is not above 0, or not finite.
    public init?(rawValue: Double) {
        guard rawValue > 0, rawValue.isFinite else { return nil }
        self.rawValue = rawValue
    }

    /// As `init(rawValue:)`.
    public init?(_ factor: Double) { self.init(rawValue: factor) }

    /// Nominal deadlines.
    public static let one = TimeoutScale(unchecked: 1)

    /// Above 0 and finite.
    public var factor: Double { rawValue }

    /// - Parameters:
    ///   - emulated: the guest runs under TCG, not KVM.
    ///   - instrumented: the kernel has KASAN, lockdep and their like: any profile but "fast".
    ///   - requested: the user's `--timeout-scale`.
    public init(emulated: Bool, instrumented: Bool, requested: TimeoutScale) {
        rawValue = requested.factor * (emulated ? 2 : 1) * (instrumented ? 4 : 1)
    }

    private init(unchecked factor: Double) { rawValue = factor }

    /// Seconds to wait for what needs `nominal` seconds at the most on a plain kernel under KVM.
    public func seconds(_ nominal: Double) -> Double { nominal * factor }

    /// The same as a `Duration`.
    ///
    /// - Parameter nominal: seconds.
    public func duration(_ nominal: Double) -> Duration { .seconds(nominal * factor) }
}

extension TimeoutScale: CustomStringConvertible {
    /// The number only: "2.0".
    public var description: String { "\(factor)" }
}

// SPDX-License-Identifier: GPL-2.0

/// The factor on every deadline of a run, on the host and in the guest.
///
/// Deadlines in the code are nominal: what a plain kernel under KVM on an idle host needs, with a margin. The host computes the factor
/// once, from the accelerator, the kernel's profile and `--timeout-scale`, and sends it to the guest in `AgentCommand`. Coded as its number.
public struct TimeoutScale: Sendable, Equatable, Hashable {
    /// Above 0 and finite.
    public let factor: Double

    /// Deadlines as they stand in the code.
    public static let one = TimeoutScale(unchecked: 1)

    /// - Parameter factor: nil is returned where it is not above 0, or not finite.
    public init?(_ factor: Double) {
        guard factor > 0, factor.isFinite else { return nil }
        self.factor = factor
    }

    /// - Parameters:
    ///   - emulated: the guest runs under TCG, not KVM.
    ///   - instrumented: the kernel has KASAN, lockdep and their like: any profile but "fast".
    ///   - requested: the user's `--timeout-scale`.
    public init(emulated: Bool, instrumented: Bool, requested: TimeoutScale) {
        factor = requested.factor * (emulated ? 2 : 1) * (instrumented ? 4 : 1)
    }

    private init(unchecked factor: Double) { self.factor = factor }

    /// Seconds to wait for what needs `nominal` seconds at the most on a plain kernel under KVM.
    public func seconds(_ nominal: Double) -> Double { nominal * factor }

    /// The same as a `Duration`.
    ///
    /// - Parameter nominal: seconds.
    public func duration(_ nominal: Double) -> Duration { .seconds(nominal * factor) }
}

extension TimeoutScale: CustomStringConvertible {
    /// The number alone: "2.0".
    public var description: String { "\(factor)" }
}

extension TimeoutScale: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let number = try container.decode(Double.self)
        guard let scale = TimeoutScale(number) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "a timeout scale is a finite number above 0, not \(number)")
        }
        self = scale
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(factor)
    }
}

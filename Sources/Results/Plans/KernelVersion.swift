// SPDX-License-Identifier: GPL-2.0

/// The first two numbers of a Linux release: "7.3" of "7.3.0-rc1-next-20261130".
public struct KernelVersion: Comparable, Hashable, Sendable, CustomStringConvertible {
    public var major: Int
    public var minor: Int

    public init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// - Parameter release: as `uname -r` prints it; nil where it does not begin with two numbers.
    public init?(release: some StringProtocol) {
        let numbers = release.split(separator: ".", maxSplits: 2).prefix(2).map { $0.prefix { $0.isASCII && $0.isNumber } }
        guard numbers.count == 2, let major = Int(numbers[0]), let minor = Int(numbers[1]) else { return nil }
        self.init(major, minor)
    }

    public static func < (left: Self, right: Self) -> Bool { (left.major, left.minor) < (right.major, right.minor) }

    public var description: String { "\(major).\(minor)" }
}

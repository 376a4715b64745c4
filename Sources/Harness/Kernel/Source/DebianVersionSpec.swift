// SPDX-License-Identifier: GPL-2.0

/// The part of a kernel request after "debian:".
enum DebianVersionSpec: Equatable, Sendable {
    /// `debian` without a version: the newest available of the series in `known`.
    case any
    /// `7.3`: the newest point release of a series.
    case series(String)
    /// `7.2.9` or `7.2.9-1~bpo13+1`.
    case exact(series: String, version: String)

    /// Series for which the netdevsim patch is known to apply, the preferred one first.
    static let known = ["7.3", "7.2"]

    /// - Throws: `HarnessError` of kind `.input` where the text is no version.
    init(_ text: String) throws {
        if text.isEmpty {
            self = .any
            return
        }
        if Self.isSeries(text) {
            self = .series(text)
            return
        }
        let numbers = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        let minor = numbers.count > 1 ? numbers[1].prefix { $0.isNumber } : ""
        let series = (numbers.first ?? "") + "." + minor
        guard Self.isSeries(String(series)), text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || ".+~-".contains($0)) }) else {
            throw HarnessError(
                .input, "debian:\(text) is not a kernel version",
                hint: "write debian, debian:7.3, debian:7.2.9, or a full package version such as debian:7.2.9-1~bpo13+1")
        }
        self = .exact(series: String(series), version: text)
    }

    static func isSeries(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isASCII && $0.isNumber } }
    }

    var description: String {
        switch self {
        case .any: "debian"
        case .series(let series): "debian:\(series)"
        case .exact(_, let version): "debian:\(version)"
        }
    }

    /// The series to search, the preferred one first.
    var series: [String] {
        switch self {
        case .any: Self.known
        case .series(let series), .exact(let series, _): [series]
        }
    }

    /// The newest offer that matches; nil where none does.
    func choose(among offers: [AptRoot.Offer]) -> AptRoot.Offer? {
        for series in series {
            let fitting = offers.filter { offer in
                guard offer.package == "linux-source-\(series)" else { return false }
                if case .exact(_, let version) = self { return offer.version.text == version || offer.version.upstream == version }
                return true
            }
            if let best = fitting.max(by: { $0.version < $1.version }) { return best }
        }
        return nil
    }
}

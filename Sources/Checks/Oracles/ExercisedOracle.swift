// SPDX-License-Identifier: GPL-2.0

internal import Results

/// The provider under test must have held and released what the scenario expects: a run that holds nothing proves nothing.
enum ExercisedOracle {
    static func findings(_ expectation: Expectation, accounts: [PoolAccount]) -> [Finding] {
        if expectation.minimumHolds <= 0 {
            let held = accounts.reduce(0) { $0 + $1.netIovHolds }
            return held == 0 ? [] : [finding("\(held) net_iovs were held, where none should be")]
        }
        let pages = expectation.provider == .pages
        let own = accounts.filter { $0.provider == expectation.provider }
        let held = own.reduce(0) { $0 + (pages ? $1.holds - $1.netIovHolds : $1.netIovHolds) }
        let released = own.reduce(0) { $0 + (pages ? $1.releases - $1.netIovReleases : $1.netIovReleases) }
        let what = pages ? "pages" : "\(expectation.provider.rawValue) net_iovs"
        var findings: [Finding] = []
        if held < UInt64(expectation.minimumHolds) {
            findings.append(finding("only \(held) \(what) were held, at least \(expectation.minimumHolds) expected"))
        }
        if released != held { findings.append(finding("\(held) \(what) were held and \(released) released")) }
        if pages, case let foreign = accounts.reduce(0, { $0 + $1.netIovHolds }), foreign != 0 {
            findings.append(finding("\(foreign) net_iovs were held, where only pages should be"))
        }
        return findings
    }

    private static func finding(_ message: String) -> Finding { Finding(oracle: .exercised, message: message) }
}

// SPDX-License-Identifier: GPL-2.0

internal import Results

/// Splats between the scenario's marks that the allow-list does not cover.
enum KernelLogOracle {
    static func findings(log: [String]?, allowList: AllowList, today: Day) -> [Finding] {
        guard let log else {
            return [Finding(oracle: .kernelLog, message: "could not run: there are no console lines of this scenario")]
        }
        return KernelLog.splats(in: log).compactMap { splat in
            var message = "\(splat.kind.rawValue): \(splat.firstLine)"
            if !splat.fingerprint.isEmpty { message += " [\(splat.fingerprint.joined(separator: ":"))]" }
            switch allowList.answer(splat, today: today) {
            case .allowed: return nil
            case .notListed: break
            case .expired(let entry):
                message +=
                    " (the allow-list entry for \"\(entry.pattern)\" expired on \(entry.expires): "
                    + "\(entry.reason), \(entry.link))"
            }
            return Finding(oracle: .kernelLog, message: message, evidence: splat.lines)
        }
    }
}

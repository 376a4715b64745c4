// SPDX-License-Identifier: GPL-2.0

internal import Results

/// Splats that the allow-list does not cover, and what the log lacks: messages that were lost, a detector that switched itself off. The log
/// then proves nothing.
enum KernelLogOracle {
    /// - Parameters:
    ///   - log: the messages that count; nil where they could not be read.
    ///   - injectsFaults: allocations are made to fail, so that one that fails is no finding. The needs of the scenario decide it, never the log:
    ///     a program of the guest can write any line there.
    ///   - ended: the scenario that has reported its end, whose end mark must be there; nil where it has not.
    ///   - key: the key of its marks; nil for marks without tokens.
    static func findings(
        log: [String]?, allowList: AllowList, today: Day, injectsFaults: Bool = false, ended: String? = nil, key: MarkKey? = nil
    ) -> [Finding] {
        guard let log else {
            return [Finding(oracle: .kernelLog, message: "could not run: there are no console lines of this scenario")]
        }
        let splats = KernelLog.splats(in: log)
        let faults = splats.compactMap { splat -> Finding? in
            if splat.kind.isLostEvidence || splat.kind == .allocation && injectsFaults { return nil }
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
        return faults + lost(splats) + truncation(log, ended, key)
    }

    /// One finding for all lost messages, and one for each detector.
    private static func lost(_ splats: [Splat]) -> [Finding] {
        var findings: [Finding] = []
        let messages = splats.filter { $0.kind == .lostMessages }
        if !messages.isEmpty {
            let counts = messages.compactMap { LostEvidence.count(in: $0.firstLine) }
            let what =
                counts.isEmpty
                ? "the kernel's log is not complete: \(messages[0].firstLine)"
                : "\(counts.reduce(0) { $0 &+ min($1, 1 << 40) }) messages of the kernel's log were dropped"
            findings.append(Finding(oracle: .kernelLog, message: "could not run: \(what)", evidence: messages.flatMap(\.lines)))
        }
        var named: Set<String> = []
        for splat in splats where splat.kind == .detectorOff {
            let detector = LostEvidence.detector(in: splat.firstLine) ?? "a detector"
            guard named.insert(detector).inserted else { continue }
            findings.append(
                Finding(
                    oracle: .kernelLog, message: "could not run: \(detector) has switched itself off: \(splat.firstLine)", evidence: splat.lines))
        }
        return findings
    }

    private static func truncation(_ log: [String], _ ended: String?, _ key: MarkKey?) -> [Finding] {
        guard let ended, KernelLog.endsInTheMiddle(log, of: ended, key: key) else { return [] }
        return [
            Finding(
                oracle: .kernelLog, message: "could not run: the kernel's log ends before the end of this scenario", evidence: Array(log.suffix(3)))
        ]
    }
}

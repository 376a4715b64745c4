// SPDX-License-Identifier: GPL-2.0

internal import Results

/// Every payload byte must be the one sent, and where zero copy is claimed none may have been copied.
enum PayloadOracle {
    static func findings(_ report: ScenarioReport) -> [Finding] {
        let expectation = report.expectation
        guard let payload = report.payload else {
            return expectation.payload || expectation.zeroCopy
                ? [finding("could not run: the scenario has no payload record")] : []
        }
        var findings: [Finding] = []
        if let offset = payload.firstMismatch {
            findings.append(finding("byte \(offset) is not the one sent"))
        }
        if payload.complete ? payload.received != payload.sent : payload.received > payload.sent {
            findings.append(finding("sent \(payload.sent) bytes, received \(payload.received)"))
        }
        if expectation.payload && payload.complete && payload.received == 0 {
            findings.append(finding("nothing was received"))
        }
        if expectation.zeroCopy {
            if payload.copied != 0 {
                findings.append(
                    finding("\(payload.copied) of \(payload.received) bytes were copied, though zero copy is claimed"))
            } else if payload.zeroCopy == 0 {
                findings.append(finding("nothing was received in zero copy, though zero copy is claimed"))
            }
        }
        return findings
    }

    private static func finding(_ message: String) -> Finding { Finding(oracle: .payload, message: message) }
}

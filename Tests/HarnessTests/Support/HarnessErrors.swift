// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import Harness

/// The error `body` ends in; the test fails where it ends in none, or in another kind of error.
func harnessError(_ body: () async throws -> Void) async throws -> HarnessError {
    do {
        try await body()
    } catch let error as HarnessError {
        return error
    }
    Issue.record("no error was thrown")
    return HarnessError(.harness, "")
}

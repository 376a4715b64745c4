// SPDX-License-Identifier: GPL-2.0

/// The command line is wrong.
struct UsageError: Error {
    var message: String
}

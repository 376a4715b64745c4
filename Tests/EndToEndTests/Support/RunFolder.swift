// SPDX-License-Identifier: GPL-2.0

import TestSupport

extension TemporaryFolder {
    /// The results folder of `Product.run(filter:)`.
    var results: String { path + "/results" }

    /// The environment of a cache in this folder, empty at first.
    var cache: [String: String] { ["XDG_CACHE_HOME": path + "/cache"] }
}

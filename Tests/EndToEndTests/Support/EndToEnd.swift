// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

/// The tests of the whole product: they start the real `ppiov` as a user does, and check its output, its exit code and its files.
///
/// One test at a time: they share two processors and the cache, and the processes and files of one must not count for another.
@Suite(.serialized, .tags(.boots), .needsProduct)
struct EndToEnd {}

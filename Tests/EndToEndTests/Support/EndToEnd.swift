// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

/// The tests of the whole product: the real `ppiov` is started as a user starts it, and judged by what a user sees.
///
/// One test at a time: they share two processors and the cache, and the processes and files of one must not be taken for another's.
@Suite(.serialized, .tags(.boots), .needsProduct)
struct EndToEnd {}

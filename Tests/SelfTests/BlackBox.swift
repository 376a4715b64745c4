// SPDX-License-Identifier: GPL-2.0

import Testing

/// The harness tests itself: the real `ppiov` is started as a user starts it, and judged by what a user sees.
///
/// One test at a time: they share two processors and the cache, and what one leaves behind must not be taken for another's.
@Suite(
    .serialized,
    .enabled(if: Product.isGiven, "PPIOV_BIN is not set: it names the ppiov executable to test, with ppiov-agent beside it or in PPIOV_AGENT"))
struct BlackBox {}

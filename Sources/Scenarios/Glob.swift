// SPDX-License-Identifier: GPL-2.0

import Glibc

/// Shell globs, as fnmatch(3) has them.
enum Glob {
    static func matches(_ pattern: String, _ name: String) -> Bool {
        fnmatch(pattern, name, 0) == 0
    }
}

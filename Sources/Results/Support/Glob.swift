// SPDX-License-Identifier: GPL-2.0

import Glibc

/// Shell globs as fnmatch(3) reads them, without flags: `*`, `?` and `[...]`, each of which also matches a dot.
public enum Glob {
    public static func matches(_ pattern: String, _ name: String) -> Bool { fnmatch(pattern, name, 0) == 0 }
}

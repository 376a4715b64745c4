// SPDX-License-Identifier: GPL-2.0

import TestSupport

@testable import Harness

extension TemporaryFolder {
    /// A folder with `tree`, the smallest kernel source that ppiov accepts, with net/core/x.c in it; and a cache in the same folder.
    static func withSource() throws -> (TemporaryFolder, Cache) {
        let folder = try TemporaryFolder()
        try folder.write("tree/Makefile", "VERSION = 7\nPATCHLEVEL = 3\n")
        try folder.write("tree/Kconfig", "")
        try folder.write("tree/net/core/x.c", "one\ntwo\nfour\n")
        return (folder, Cache(root: folder.path + "/cache"))
    }
}

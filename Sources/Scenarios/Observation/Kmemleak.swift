// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// The kernel's search for allocated memory that no pointer refers to (mm/kmemleak.c).
enum Kmemleak {
    static let path = "/sys/kernel/debug/kmemleak"
    /// Milliseconds. kmemleak reports no object younger than 5 s (`jiffies_min_age`), so this wait is for time and not for a condition.
    private static let minAge: CInt = 5500

    /// Discards what was found before.
    static func clear() throws {
        try KernelFile.write(path, "scan")
        try KernelFile.write(path, "clear")
    }

    /// Searches twice: one search can miss a pointer that is being moved.
    ///
    /// - Throws: `ScenarioFailure` with the first object where one is found.
    static func scan() throws {
        _ = poll(nil, 0, minAge)
        for _ in 0..<2 { try KernelFile.write(path, "scan") }
        let found = try KernelFile.read(path)
        guard !found.isEmpty else { return }
        let objects = found.filledLines.count { $0.hasPrefix("unreferenced object") }
        throw ScenarioFailure("\(objects) objects leaked; the first: \(found.prefix(1200))")
    }
}

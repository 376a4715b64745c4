// SPDX-License-Identifier: GPL-2.0

import KernelABI

extension ScenarioRun {
    /// Reserves ``HugePages/count`` huge pages more; the number that was reserved before is restored when the run is over.
    ///
    /// - Throws: `ScenarioSkip` where the kernel has not enough free memory.
    func reserveHugePages() throws {
        let before = try KernelFile.read(HugePages.reserved).prefix { $0.isNumber }
        cleanUp("number of reserved huge pages restored") { try KernelFile.write(HugePages.reserved, String(before)) }
        try step("\(HugePages.count) huge pages reserved") {
            let requested = (Int(before) ?? 0) + HugePages.count
            try KernelFile.write(HugePages.reserved, String(requested))
            let reserved = Int(try KernelFile.read(HugePages.reserved).prefix { $0.isNumber }) ?? 0
            guard reserved >= requested else { throw ScenarioSkip("the kernel reserved \(reserved) huge pages of the \(requested) requested") }
        }
    }
}

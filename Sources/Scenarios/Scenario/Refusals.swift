// SPDX-License-Identifier: GPL-2.0

import KernelABI

extension ScenarioRun {
    /// The kernel's error for what `attempt` requests; nil where the kernel granted it.
    ///
    /// - Throws: an error of `attempt` that is not the kernel's.
    func refusal(of attempt: () throws -> Void) throws -> KernelError? {
        do {
            try attempt()
            return nil
        } catch let error as KernelError {
            return error
        }
    }

    /// The kernel refuses what `attempt` requests, with that errno.
    ///
    /// - Parameter what: the request, for the name of the step.
    func expectRefusal(_ errno: CInt, _ what: String, of attempt: () throws -> Void) throws {
        try expectRefusal(try refusal(of: attempt), errno, what)
    }
}

// SPDX-License-Identifier: GPL-2.0

internal import Results

/// The machine must run until all evidence has arrived.
enum MachineOracle {
    static func findings(_ crash: Crash?) -> [Finding] { crash.map { [Finding(oracle: .machine, message: $0.message)] } ?? [] }
}

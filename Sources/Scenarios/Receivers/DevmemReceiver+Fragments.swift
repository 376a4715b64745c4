// SPDX-License-Identifier: GPL-2.0

import KernelABI

extension DevmemReceiver {
    /// Compares a delivered fragment with the pattern from `start` of the stream.
    func compare(_ fragment: DeviceMemory.Fragment, with pattern: PayloadPattern, at start: UInt64) throws {
        guard let bytes = try bytes(at: fragment.offset, count: Int(fragment.size)) else {
            throw ScenarioFailure("\(fragment.size) bytes at \(fragment.offset) are outside the dma-buf")
        }
        if let wrong = bytes.withUnsafeBytes({ pattern.mismatch($0, at: start) }) {
            throw ScenarioFailure("byte \(wrong) is not the one sent")
        }
    }

    /// Returns the tokens of fragments, of which the kernel must take all.
    static func returnTokens(of fragments: [DeviceMemory.Fragment], to socket: Connection) throws {
        let taken = try DeviceMemory.dontNeed(fragments, of: socket.rawValue)
        guard taken == fragments.count else { throw ScenarioFailure("the kernel took \(taken) of \(fragments.count) tokens") }
    }
}

// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
public import Results

/// A kernel, an image and an accelerator that are ready, and the machine they make.
public struct PreparedMachine: Sendable {
    public var kernel: KernelBuild
    public var image: GuestImage
    public var acceleration: Acceleration
    public var qemuVersion: String
    public var plan: MachinePlan

    /// The factor on every deadline, in the guest and on the host.
    public var timeoutScale: TimeoutScale { plan.line.options.timeoutScale }

    /// Machines at a time where memory has no limit. A guest with a plain kernel waits two thirds of its time; one with a debug kernel computes,
    /// and each further guest adds timer ticks of its own.
    private var wanted: Int { (kernel.profile == "fast" ? 3 : 1) * HostLimits.current.processors }

    /// Machines at a time where the user gives no number.
    var guests: Int { HostLimits.current.machines(wanted, memoryMB: plan.line.options.memoryMB) }

    /// Why there are fewer machines at a time than the processors could run; nil where there are not.
    ///
    /// - Parameter requested: the user's number.
    func shortage(_ requested: Int?) -> String? {
        guard let requested else { return HostLimits.current.reason(wanted, memoryMB: plan.line.options.memoryMB) }
        return HostLimits.current.reason(requested, memoryMB: plan.line.options.memoryMB).map {
            "--jobs \(requested) is above what memory allows: \($0)"
        }
    }

    /// The needs that this kernel must have.
    var guaranteed: GuaranteedNeeds {
        GuaranteedNeeds(KernelFacts(kernel, configuration: try? String(contentsOfFile: kernelConfig, encoding: .utf8)))
    }

    /// Whether a test must expect that it takes much longer than on hardware: the guest runs without KVM, or its kernel has checkers.
    var isSlow: Bool {
        acceleration.accelerator == .tcg || kernel.profile != "fast"
            || Self.hasCheckers((try? String(contentsOfFile: kernelConfig, encoding: .utf8)) ?? "")
    }

    static func hasCheckers(_ configuration: String) -> Bool {
        let slow = ["KASAN", "KMSAN", "KCSAN", "UBSAN", "PROVE_LOCKING", "DEBUG_KMEMLEAK", "DEBUG_OBJECTS", "DEBUG_PAGEALLOC", "KCOV"]
        let options = Set(
            configuration.utf8.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.map { String(decoding: $0, as: UTF8.self) })
        return slow.contains { options.contains("CONFIG_\($0)=y") }
    }

    private var kernelConfig: String { (kernel.vmlinux as NSString).deletingLastPathComponent + "/config" }
}

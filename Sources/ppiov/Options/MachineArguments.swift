// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness
import Results

/// The virtual machine.
struct MachineArguments: ParsableArguments {
    @Option(help: ArgumentHelp("What executes the guest; auto is kvm where a probe guest runs under it, else tcg.", valueName: "name"))
    var accel = AcceleratorChoice.auto

    @Option(help: ArgumentHelp("Virtual CPUs.", valueName: "n"))
    var cpus = 2

    @Option(help: ArgumentHelp("Guest memory. (default: \(Self.memory), for kselftest \(Self.selftestMemory))", valueName: "MiB"))
    var memory: Int?

    @Option(help: ArgumentHelp("Multiplies every deadline; for slow machines and expensive debug options.", valueName: "factor"))
    var timeoutScale = 1.0

    func validate() throws {
        guard (1...8).contains(cpus) else { throw ValidationError("--cpus takes 1 to 8 (the profiles' CONFIG_NR_CPUS), not \(cpus)") }
        if let memory, !(256...65536).contains(memory) { throw ValidationError("--memory takes 256 to 65536 MiB, not \(memory)") }
        guard timeoutScale > 0, timeoutScale <= 1000 else {
            throw ValidationError("--timeout-scale takes a factor above 0, at most 1000, not \(timeoutScale)")
        }
    }

    static let memory = 512
    /// For a root file system of 200 MB and half a gigabyte of huge pages.
    static let selftestMemory = 2048

    var options: MachineOptions { options(memory: Self.memory) }

    /// - Parameter standard: MiB, where the user gives no number.
    func options(memory standard: Int) -> MachineOptions {
        MachineOptions(cpus: cpus, memoryMB: memory ?? standard, accelerator: accel, timeoutScale: TimeoutScale(timeoutScale) ?? .one)
    }
}

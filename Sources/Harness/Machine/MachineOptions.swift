// SPDX-License-Identifier: GPL-2.0

public import Results

/// The accelerator, which runs the guest's instructions.
public enum Accelerator: String, Codable, Sendable, CaseIterable {
    case kvm
    case tcg
}

/// The accelerator that the user requests.
public enum AcceleratorChoice: String, Codable, Sendable, CaseIterable {
    /// KVM where a probe guest executes, TCG elsewhere.
    case auto
    case kvm
    case tcg
}

/// The machine, as the user requests it.
public struct MachineOptions: Codable, Sendable, Equatable {
    public var cpus: Int
    public var memoryMB: Int
    public var accelerator: AcceleratorChoice
    /// Appended to the kernel's command line, so that they override the harness's own.
    public var extraKernelArguments: [String]
    /// `oops=panic`: an oops ends the machine at once instead of leaving it in an unknown state.
    public var panicOnOops: Bool
    /// init starts a shell on the console instead of the agent.
    public var shell: Bool
    /// The factor on every deadline: of a request, the user's; of a machine that is prepared, with the accelerator's and the profile's in it.
    public var timeoutScale: TimeoutScale
    /// A name looked up in PATH, or a path.
    public var qemu: String

    public init(
        cpus: Int = 2, memoryMB: Int = 512, accelerator: AcceleratorChoice = .auto, extraKernelArguments: [String] = [],
        panicOnOops: Bool = true, shell: Bool = false, timeoutScale: TimeoutScale = .one, qemu: String = "qemu-system-x86_64"
    ) {
        self.cpus = cpus
        self.memoryMB = memoryMB
        self.accelerator = accelerator
        self.extraKernelArguments = extraKernelArguments
        self.panicOnOops = panicOnOops
        self.shell = shell
        self.timeoutScale = timeoutScale
        self.qemu = qemu
    }

    /// The same as options of the command line.
    public var words: [String] {
        let usual = MachineOptions()
        var words = shape
        if accelerator != usual.accelerator { words += ["--accel", accelerator.rawValue] }
        if timeoutScale != usual.timeoutScale { words += ["--timeout-scale", "\(timeoutScale)"] }
        return words
    }

    /// Those of the options that the guest can see.
    var shape: [String] {
        let usual = MachineOptions()
        return (cpus == usual.cpus ? [] : ["--cpus", "\(cpus)"]) + (memoryMB == usual.memoryMB ? [] : ["--memory", "\(memoryMB)"])
    }

    /// - Throws: `HarnessError` (input) naming the option that no machine can have.
    public func validate() throws {
        guard (1...64).contains(cpus) else {
            throw HarnessError(.input, "a machine has 1 to 64 CPUs, not \(cpus)")
        }
        guard (128...(1 << 20)).contains(memoryMB) else {
            throw HarnessError(.input, "a guest needs 128 MB to 1 TB of memory, not \(memoryMB) MB")
        }
    }

    /// `seconds`, scaled.
    func limit(_ seconds: Double) -> Duration { timeoutScale.duration(seconds) }
}

// SPDX-License-Identifier: GPL-2.0

/// How the guest's memory is backed.
public enum MachineMemory: Sendable, Equatable {
    /// Ordinary memory of QEMU's: no snapshot can be taken.
    case anonymous
    /// A file, shared: what the guest writes is in the file, which so becomes a snapshot's memory.
    case template(String)
    /// A snapshot's file, mapped privately: it is read page by page as the guest touches it and never written to. The machine waits
    /// for `migrate-incoming`.
    case restored(String)
}

/// The machine as QEMU takes it: a pure function of what it is given.
public struct QEMUCommandLine: Sendable, Equatable {
    public static let eventsPort = "ppiov.events"
    public static let tracePort = "ppiov.trace"

    /// The sockets QEMU connects to, in its run folder, by chardev.
    public enum Socket: String, Sendable, CaseIterable {
        case console, events, trace, qmp
    }

    public var options: MachineOptions
    public var acceleration: Acceleration
    /// Uncompressed ELF with the PVH note.
    public var kernel: String
    public var image: String
    /// Under TCG the CPUs run in turn, in one thread of QEMU's, and not at the same time.
    ///
    /// For a guest that changes code which another of its CPUs is running: QEMU drops its translation before the new byte is in memory, and
    /// the other CPU may translate the old one again in between, for good (docs/kernel-notes.md).
    public var takesTurns = false

    public init(options: MachineOptions, acceleration: Acceleration, kernel: String, image: String) {
        self.options = options
        self.acceleration = acceleration
        self.kernel = kernel
        self.image = image
    }

    /// The kernel's command line.
    public var kernelArguments: [String] {
        // Console: everything a check may need, WARN and pr_warn included, with raw pointers; /dev/kmsg marks are never rate-limited.
        var words = ["console=ttyS0", "loglevel=7", "no_hash_pointers", "nokaslr", "printk.devkmsg=on"]
        // With -no-reboot a panic's immediate reboot ends QEMU, after its text is out. An injected NMI is such a panic.
        words += ["panic=-1", "panic_print=0x40", "unknown_nmi_panic", "sysrq_always_enabled"]
        if options.panicOnOops { words.append("oops=panic") }
        // The same program at the same place every time: TCG translates it once for all processes that run it.
        words += ["mitigations=off", "no_timer_check", "norandmaps"]
        if acceleration.accelerator == .tcg {
            // Without these an SMP guest under TCG falls back to jiffies, half the time: its PIT calibration fails under load.
            words.append("tsc=reliable")
            if let khz = acceleration.tscKHz { words.append("tsc_early_khz=\(khz)") }
        }
        if options.shell { words.append("ppiov.shell") }
        return words + options.extraKernelArguments
    }

    /// QEMU's arguments, the program's name not among them.
    ///
    /// - Parameters:
    ///   - sockets: the folder whose sockets (`Socket`) QEMU connects to.
    ///   - memory: how the memory is backed.
    public func arguments(sockets: String, memory: MachineMemory = .anonymous) -> [String] {
        var words = hardware(memory)
        for socket in Socket.allCases {
            words += ["-chardev", "socket,id=\(socket.rawValue),path=\(Self.escape(sockets + "/" + socket.rawValue))"]
        }
        return words + [
            "-serial", "chardev:console",
            "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=events,name=\(Self.eventsPort)",
            "-device", "virtserialport,chardev=trace,name=\(Self.tracePort)",
            "-mon", "chardev=qmp,mode=control",
        ]
    }

    /// QEMU's arguments for a machine whose console is the terminal; ctrl-a is the escape.
    public func interactiveArguments() -> [String] { hardware(.anonymous) + ["-serial", "mon:stdio"] }

    private func hardware(_ memory: MachineMemory) -> [String] {
        var machine = "pc"
        if memory != .anonymous { machine += ",memory-backend=ram" }
        var words = ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", machine]
        switch acceleration.accelerator {
        case .kvm: words += ["-accel", "kvm", "-cpu", "host"]
        case .tcg: words += ["-accel", "tcg,thread=\(takesTurns ? "single" : "multi")", "-cpu", "max,la57=off"]
        }
        // One CPU a socket: SeaBIOS's MP table lists one CPU a package, and without ACPI that table is all the kernel has.
        words += ["-smp", "cpus=\(options.cpus),sockets=\(options.cpus),cores=1,threads=1", "-m", "\(options.memoryMB)M"]
        switch memory {
        case .anonymous: break
        case .template(let path): words += ["-object", backend(path, share: "on")]
        case .restored(let path): words += ["-object", backend(path, share: "off"), "-incoming", "defer"]
        }
        return words + ["-kernel", kernel, "-initrd", image, "-append", kernelArguments.joined(separator: " ")]
    }

    private func backend(_ path: String, share: String) -> String {
        "memory-backend-file,id=ram,size=\(options.memoryMB)M,mem-path=\(Self.escape(path)),share=\(share)"
    }

    /// In QEMU's option lists a comma ends a value, and two are one.
    static func escape(_ value: String) -> String { value.replacing(",", with: ",,") }
}

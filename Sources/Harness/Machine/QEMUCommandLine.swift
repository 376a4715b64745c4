// SPDX-License-Identifier: GPL-2.0

/// The backing of the guest's memory.
public enum MachineMemory: Sendable, Equatable {
    /// Anonymous memory of QEMU: no snapshot can be taken.
    case anonymous
    /// A file, mapped shared: the guest writes to the file, which becomes a snapshot's memory.
    case template(String)
    /// A snapshot's file, mapped private: its pages are read when the guest touches them, and it is never written. The machine waits
    /// for `migrate-incoming`.
    case restored(String)
}

/// QEMU's command line: a pure function of its input.
public struct QEMUCommandLine: Sendable, Equatable {
    /// The virtio serial port of the agent's events.
    public static let eventsPort = "ppiov.events"
    /// The virtio serial port of the raw trace pages.
    public static let tracePort = "ppiov.trace"

    /// The sockets QEMU connects to, in its run folder, by chardev.
    public enum Socket: String, Sendable, CaseIterable {
        case console, events, trace, qmp
    }

    /// The machine's shape.
    public var options: MachineOptions
    /// The accelerator.
    public var acceleration: Acceleration
    /// Uncompressed ELF with the PVH note.
    public var kernel: String
    /// The path of the guest's image, an initramfs.
    public var image: String
    /// Under TCG the CPUs run one after the other, in one thread of QEMU.
    ///
    /// For a guest that changes code while another of its CPUs executes it: QEMU drops its translation before the new byte is in memory. In
    /// between, the other CPU may translate the old byte again, and QEMU keeps this translation (docs/kernel-notes.md).
    public var singleThreadedTCG = false

    /// A machine of these options that boots a kernel with an image.
    public init(options: MachineOptions, acceleration: Acceleration, kernel: String, image: String) {
        self.options = options
        self.acceleration = acceleration
        self.kernel = kernel
        self.image = image
    }

    /// The kernel's command line.
    public var kernelArguments: [String] {
        // Console: WARN and pr_warn included, with raw pointers; marks in /dev/kmsg are never rate-limited.
        var words = ["console=ttyS0", "loglevel=7", "no_hash_pointers", "nokaslr", "printk.devkmsg=on"]
        // With -no-reboot a panic's immediate reboot ends QEMU, after its text is printed. An injected NMI is such a panic.
        words += ["panic=-1", "panic_print=0x40", "unknown_nmi_panic", "sysrq_always_enabled"]
        if options.panicOnOops { words.append("oops=panic") }
        // The same program at the same address every time: TCG translates it once for all processes that run it.
        words += ["mitigations=off", "no_timer_check", "norandmaps"]
        if acceleration.accelerator == .tcg {
            // Without these an SMP guest under TCG falls back to jiffies in half of the boots: its PIT calibration fails under load.
            words.append("tsc=reliable")
            if let khz = acceleration.tscKHz { words.append("tsc_early_khz=\(khz)") }
        }
        if options.shell { words.append("ppiov.shell") }
        return words + options.extraKernelArguments
    }

    /// QEMU's arguments, without the program's name.
    ///
    /// - Parameters:
    ///   - sockets: the folder whose sockets (`Socket`) QEMU connects to.
    ///   - memory: the backing of the memory.
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
        case .tcg: words += ["-accel", "tcg,thread=\(singleThreadedTCG ? "single" : "multi")", "-cpu", "max,la57=off"]
        }
        // One CPU a socket: SeaBIOS's MP table lists one CPU a package, and without ACPI the kernel reads only that table.
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

    /// In QEMU's option lists a comma ends a value; two commas mean one.
    static func escape(_ value: String) -> String { value.replacing(",", with: ",,") }
}

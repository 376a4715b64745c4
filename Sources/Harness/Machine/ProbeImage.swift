// SPDX-License-Identifier: GPL-2.0

/// A guest of 105 bytes in place of a BIOS: it measures the TSC against the PIT, then exits with a known status.
///
/// A run shows that the accelerator executes guests, and gives the rate of the guest's TSC.
enum ProbeImage {
    /// QEMU's exit status: `isa-debug-exit` makes (value << 1) | 1 of the byte 0x2a.
    static let exitStatus: Int32 = 0x2a << 1 | 1

    /// `-bios` takes a multiple of 64 KiB; the image ends at 4 GB, so the reset vector is 16 bytes before the end.
    static let bytes: [UInt8] = {
        var image = [UInt8](repeating: 0xf4, count: 64 << 10)
        image.replaceSubrange(0..<code.count, with: code)
        let resetVector: [UInt8] = [0xea, 0x00, 0x00, 0x00, 0xf0]  // jmp f000:0000
        image.replaceSubrange(0xfff0..<0xfff0 + resetVector.count, with: resetVector)
        return image
    }()

    private static let code: [UInt8] = [
        0xfa,  // cli
        0x31, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x70,  // ss:sp = 0:7000
        // PIT channel 2: gate on, speaker off; rate generator from 65536, counting down.
        0xe4, 0x61, 0x24, 0xfd, 0x0c, 0x01, 0xe6, 0x61,
        0xb0, 0xb4, 0xe6, 0x43, 0x30, 0xc0, 0xe6, 0x42, 0xe6, 0x42,
        0xbb, 0x00, 0x08,  // 2048 samples
        // sample: TSC, latched count, TSC
        0x0f, 0x31, 0x66, 0x89, 0xc6, 0x66, 0x89, 0xd7,  // rdtsc into edi:esi
        0xb0, 0x80, 0xe6, 0x43, 0xe4, 0x42, 0x88, 0xc1, 0xe4, 0x42, 0x88, 0xc5,  // count into cx
        0x0f, 0x31, 0x66, 0x29, 0xf0, 0x66, 0x89, 0xc5,  // cycles that this took into ebp
        // put4 of each: TSC low, TSC high, cycles, count
        0x66, 0x89, 0xf0, 0xe8, 0x1d, 0x00,
        0x66, 0x89, 0xf8, 0xe8, 0x17, 0x00,
        0x66, 0x89, 0xe8, 0xe8, 0x11, 0x00,
        0x66, 0x0f, 0xb7, 0xc1, 0xe8, 0x0a, 0x00,
        0x4b, 0x75, 0xc8,  // next sample
        0xb0, 0x2a, 0xe6, 0xf4,  // exit
        0xf4, 0xeb, 0xfd,  // hlt, in a loop
        // put4: eax to port e9, low byte first
        0xb2, 0x04, 0xe6, 0xe9, 0x66, 0xc1, 0xe8, 0x08, 0xfe, 0xca, 0x75, 0xf6, 0xc3,
    ]

    /// QEMU's arguments for it. Its samples are written to the file `output`.
    static func arguments(_ accelerator: Accelerator, image: String, output: String) -> [String] {
        let cpu = accelerator == .kvm ? "host" : "max"
        return [
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "pc", "-accel", accelerator.rawValue,
            "-cpu", cpu, "-m", "16", "-bios", image, "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
            "-chardev", "file,id=samples,path=\(QEMUCommandLine.escape(output))", "-device", "isa-debugcon,iobase=0xe9,chardev=samples",
        ]
    }

    /// The TSC's rate in kHz, rounded to 1 MHz so that it is the same for every boot of a host; nil where the samples disagree.
    ///
    /// Samples that took long (the host did not run the guest) are left out; both halves of the others must give the same rate.
    static func tscKHz(samples bytes: [UInt8]) -> Int? {
        struct Sample {
            var time: Double
            var cycles: UInt32
            var ticks: Double
        }
        var samples: [Sample] = []
        var ticks = 0.0
        var last: UInt32?
        for start in stride(from: 0, through: bytes.count - 16, by: 16) {
            let words = stride(from: start, to: start + 16, by: 4).map { at in
                (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * UInt32($1)) }
            }
            let count = words[3] & 0xffff
            // Counts down and wraps every 55 ms; samples are microseconds apart.
            if let last { ticks += Double((last &- count) & 0xffff) }
            last = count
            let time = Double(UInt64(words[1]) << 32 | UInt64(words[0])) + Double(words[2]) / 2
            samples.append(Sample(time: time, cycles: words[2], ticks: ticks))
        }
        guard samples.count >= 256 else { return nil }
        let quick = samples.map(\.cycles).sorted()[samples.count / 4]
        let good = samples.filter { $0.cycles <= quick }
        func rate(_ part: ArraySlice<Sample>) -> Double? {
            guard let first = part.first, let last = part.last, last.ticks - first.ticks > 5000 else { return nil }
            return (last.time - first.time) / (last.ticks - first.ticks) * 1193.182
        }
        let middle = good.count / 2
        guard let all = rate(good[...]), let early = rate(good[..<middle]), let late = rate(good[middle...]),
            abs(early / all - 1) < 0.001, abs(late / all - 1) < 0.001, (100_000...20_000_000).contains(all)
        else { return nil }
        return Int((all / 1000).rounded()) * 1000
    }
}

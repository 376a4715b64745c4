// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@testable import Harness

@Suite struct MachineCommandLineTests {
    private let line = QEMUCommandLine(
        options: MachineOptions(extraKernelArguments: ["slub_debug=P"]), acceleration: Acceleration(accelerator: .tcg, tscKHz: 2_596_000),
        kernel: "/k/vmlinux", image: "/i/a.cpio")

    @Test func golden() {
        #expect(
            line.arguments(sockets: "/tmp/p").joined(separator: "\n") == """
                -nodefaults
                -no-user-config
                -display
                none
                -no-reboot
                -machine
                pc
                -accel
                tcg,thread=multi
                -cpu
                max,la57=off
                -smp
                cpus=2,sockets=2,cores=1,threads=1
                -m
                512M
                -kernel
                /k/vmlinux
                -initrd
                /i/a.cpio
                -append
                console=ttyS0 loglevel=7 no_hash_pointers nokaslr printk.devkmsg=on panic=-1 panic_print=0x40 unknown_nmi_panic \
                sysrq_always_enabled oops=panic mitigations=off no_timer_check norandmaps tsc=reliable tsc_early_khz=2596000 slub_debug=P
                -chardev
                socket,id=console,path=/tmp/p/console
                -chardev
                socket,id=events,path=/tmp/p/events
                -chardev
                socket,id=trace,path=/tmp/p/trace
                -chardev
                socket,id=qmp,path=/tmp/p/qmp
                -serial
                chardev:console
                -device
                virtio-serial-pci
                -device
                virtserialport,chardev=events,name=ppiov.events
                -device
                virtserialport,chardev=trace,name=ppiov.trace
                -mon
                chardev=qmp,mode=control
                """)
    }

    @Test func singleThreadedTCG() {
        var single = line
        single.singleThreadedTCG = true
        #expect(single.arguments(sockets: "/s") == line.arguments(sockets: "/s").map { $0 == "tcg,thread=multi" ? "tcg,thread=single" : $0 })
        #expect(single.arguments(sockets: "/s") != line.arguments(sockets: "/s"))
    }

    @Test func memoryOfASnapshot() {
        let taken = line.arguments(sockets: "/s", memory: .template("/c,1/memory"))
        #expect(taken.contains("pc,memory-backend=ram"))
        #expect(taken.contains("memory-backend-file,id=ram,size=512M,mem-path=/c,,1/memory,share=on"))
        #expect(!taken.contains("-incoming"))
        let restored = line.arguments(sockets: "/s", memory: .restored("/c/memory"))
        #expect(restored.contains("memory-backend-file,id=ram,size=512M,mem-path=/c/memory,share=off"))
        #expect(restored.contains("-incoming"))
    }

    @Test func kvmHasNoTSCArguments() {
        var kvm = line
        kvm.acceleration = Acceleration(accelerator: .kvm)
        #expect(kvm.arguments(sockets: "/s").contains("host"))
        #expect(!kvm.kernelArguments.contains { $0.hasPrefix("tsc") })
    }

    @Test func snapshotKeyDependsOnTheMachineAndNotOnPaths() throws {
        func key(_ line: QEMUCommandLine, kernel: String = "k", image: String = "i", version: String = "7.2") -> String {
            Snapshot.key(line, kernelKey: kernel, imageKey: image, version: version)
        }
        var moved = line
        moved.kernel = "/elsewhere/vmlinux"
        moved.options.timeoutScale = try #require(TimeoutScale(5))
        #expect(key(moved) == key(line))
        var larger = line
        larger.options.memoryMB = 1024
        var arguments = line
        arguments.options.extraKernelArguments = []
        let keys = [key(line), key(larger), key(arguments), key(line, kernel: "l"), key(line, image: "j"), key(line, version: "8.0")]
        #expect(Set(keys).count == keys.count)
    }

    @Test func impossibleMachines() {
        #expect(throws: HarnessError.self) { try MachineOptions(cpus: 0).validate() }
        #expect(throws: HarnessError.self) { try MachineOptions(memoryMB: 16).validate() }
        #expect(throws: Never.self) { try MachineOptions().validate() }
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The environment of make. make imports every variable as one of its own, and Kbuild reads some that its Makefiles never set: `CONFIG_X`,
/// `CFLAGS_dev.o`, `KBUILD_EXTRA_WARN`, MAKEFLAGS with a `-n` or the jobserver of another make. The key of a kernel includes none of them, so none
/// reaches a build: it gets the few variables that programs need to run, and those that `KernelMake` sets.
public enum MakeEnvironment {
    /// What a program needs to be found and to run, and where ccache has its files. None of these changes what a compiler makes.
    private static let passed: Set<String> = ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH", "CCACHE_DIR"]

    /// The part of an environment that make gets.
    static func passed(of environment: [String: String]) -> [String: String] { environment.filter { passed.contains($0.key) } }

    /// The variables of an environment that would change a build by hand with make, sorted. ppiov does not pass them on.
    public static func ignored(of environment: [String: String]) -> [String] {
        environment.filter { !$0.value.isEmpty && changesBuild($0.key) }.keys.sorted()
    }

    /// Of make, of Kbuild (Documentation/kbuild/kbuild.rst), and of gcc.
    private static let names: Set<String> = [
        "MAKEFLAGS", "MFLAGS", "GNUMAKEFLAGS", "MAKEFILES", "MAKEOVERRIDES", "ARCH", "SUBARCH", "SRCARCH", "CROSS_COMPILE", "LLVM", "LLVM_IAS",
        "LOCALVERSION", "O", "M", "MO", "V", "W", "C", "CF", "CC", "LD", "AR", "NM", "OBJCOPY", "OBJDUMP", "READELF", "STRIP", "PAHOLE", "RUSTC",
        "BINDGEN",
        "HOSTCC", "HOSTCXX", "HOSTCFLAGS", "HOSTCXXFLAGS", "HOSTLDFLAGS", "HOSTLDLIBS", "KCFLAGS", "KAFLAGS", "KCPPFLAGS", "KRUSTFLAGS", "USERCFLAGS",
        "USERLDFLAGS", "EXTRA_CFLAGS", "EXTRA_AFLAGS", "EXTRA_LDFLAGS", "CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX",
        "SOURCE_DATE_EPOCH",
    ]

    private static let prefixes = [
        "KBUILD_", "KCONFIG_", "CONFIG_", "CFLAGS_", "AFLAGS_", "LDFLAGS_", "ccflags-", "asflags-", "ldflags-", "subdir-ccflags-", "subdir-asflags-",
        "obj-", "lib-", "always-", "extra-", "hostprogs",
    ]

    private static func changesBuild(_ name: String) -> Bool { names.contains(name) || prefixes.contains { name.hasPrefix($0) } }
}

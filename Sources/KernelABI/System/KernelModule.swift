// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc

/// Loads and unloads kernel modules. Needs CAP_SYS_MODULE.
public enum KernelModule {
    /// Loads a module from its file (`finit_module(2)`).
    ///
    /// - Throws: `EEXIST` where it is loaded already, `ENOEXEC` where it is not a module of this kernel.
    public static func load(_ path: String) throws(KernelError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw lastError("open of \(path)") }
        let file = OwnedDescriptor(taking: descriptor)
        let result = ppiov_module_load(file.rawValue)
        file.close()
        try check(result, "loading \(path)")
    }

    /// Unloads a module (`delete_module(2)`).
    ///
    /// - Throws: `EWOULDBLOCK` where it is in use, `ENOENT` where it is not loaded.
    public static func unload(_ name: String) throws(KernelError) { try check(ppiov_module_unload(name), "unloading module \(name)") }
}

// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// Mounts, in the calling process's mount namespace.
public enum FileSystem {
    /// Mounts a folder, with the mounts below it, at a second place (mount(2), `MS_BIND | MS_REC`). Needs CAP_SYS_ADMIN.
    public static func bind(_ folder: String, at place: String) throws(KernelError) {
        try check(ppiov_bind_mount(folder, place), "mounting \(folder) at \(place)")
    }

    /// Makes a mount the root of the mount namespace and of this process, as switch_root(8) does. Needs CAP_SYS_ADMIN.
    public static func switchRoot(to mount: String) throws(KernelError) {
        try check(ppiov_switch_root(mount), "making \(mount) the root")
    }
}

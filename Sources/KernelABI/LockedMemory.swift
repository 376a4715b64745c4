// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// The limit on memory that a process may lock.
public enum LockedMemory {
    /// Holds the calling thread to a limit of locked memory as an ordinary process is: sets RLIMIT_MEMLOCK and gives CAP_IPC_LOCK up, with
    /// which the kernel would not count (`ctx->user` of io_uring).
    ///
    /// - Throws: what prlimit(2) or capset(2) answers.
    public static func limit(bytes: UInt64) throws(KernelError) {
        try check(ppiov_limit_locked(bytes), "limiting locked memory to \(bytes) bytes")
        // CAP_IPC_LOCK of linux/capability.h.
        try check(ppiov_drop_capability(14), "giving CAP_IPC_LOCK up")
    }
}

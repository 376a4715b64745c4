// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// The limit on memory that a process may lock.
public enum LockedMemory {
    /// Limits the locked memory of the calling thread as that of an unprivileged process: sets RLIMIT_MEMLOCK and drops CAP_IPC_LOCK, with which
    /// the kernel does not account locked pages (`ctx->user` of io_uring).
    ///
    /// - Throws: the errno of setrlimit(2) or capset(2).
    public static func limit(bytes: UInt64) throws(KernelError) {
        try check(ppiov_limit_locked(bytes), "limiting locked memory to \(bytes) bytes")
        try check(ppiov_drop_capability(PPIOV_CAP_IPC_LOCK), "dropping CAP_IPC_LOCK")
    }
}

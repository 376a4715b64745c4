// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// Where threads run, and before whom (sched_setaffinity(2), sched_setscheduler(2)).
public enum ThreadPlacement {
    /// Lets a thread, which may be the kernel's, run on one CPU only.
    ///
    /// - Throws: `ESRCH` where there is no such thread; `EINVAL` where there is no such CPU, or the kernel keeps the thread where it is.
    public static func pin(thread: CInt, to cpu: UInt32) throws(KernelError) {
        try check(ppiov_thread_pin(thread, cpu), "letting thread \(thread) run on CPU \(cpu) only")
    }

    /// Runs something on one CPU with no ordinary thread coming between: one that is pinned there waits until it is done.
    ///
    /// - Throws: `EPERM` without `CAP_SYS_NICE`; what `body` throws.
    public static func uninterrupted<Result>(on cpu: UInt32, _ body: () throws -> Result) throws -> Result {
        // 1024 CPUs, as glibc's cpu_set_t has.
        var allowed = [UInt8](repeating: 0, count: 128)
        try check(ppiov_affinity_get(&allowed, allowed.count), "reading the thread's CPU affinity")
        try pin(thread: 0, to: cpu)
        defer { _ = ppiov_affinity_set(allowed, allowed.count) }
        try check(ppiov_realtime(true), "running before ordinary threads")
        defer { _ = ppiov_realtime(false) }
        return try body()
    }
}

// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// CPU affinity and scheduling class of threads (sched_setaffinity(2), sched_setscheduler(2)).
public enum ThreadPlacement {
    /// Pins a thread, which may be a kernel thread, to one CPU.
    ///
    /// - Throws: `ESRCH` where there is no such thread; `EINVAL` where there is no such CPU, or the thread's affinity cannot be changed.
    public static func pin(thread: CInt, to cpu: UInt32) throws(KernelError) {
        try check(ppiov_thread_pin(thread, cpu), "pinning thread \(thread) to CPU \(cpu)")
    }

    /// Runs a closure on one CPU as a real-time thread (`SCHED_FIFO`): an ordinary thread that is pinned to that CPU does not run until it returns.
    ///
    /// - Throws: `EPERM` without `CAP_SYS_NICE`; what `body` throws.
    public static func uninterrupted<Result>(on cpu: UInt32, _ body: () throws -> Result) throws -> Result {
        let before = try affinity()
        try pin(thread: 0, to: cpu)
        defer { _ = setAffinity(before) }
        try check(ppiov_realtime(true), "setting SCHED_FIFO")
        defer { _ = ppiov_realtime(false) }
        return try body()
    }

    /// The CPUs that the calling thread may run on, as a `cpu_set_t`.
    static func affinity() throws(KernelError) -> [UInt8] {
        var cpus = [UInt8](repeating: 0, count: PPIOV_CPU_SET_SIZE)
        try check(ppiov_affinity_get(&cpus, cpus.count), "reading the thread's CPU affinity")
        return cpus
    }

    /// Sets the CPUs that the calling thread may run on.
    ///
    /// - Returns: whether the kernel accepted them; it does not where all of them are offline.
    static func setAffinity(_ cpus: [UInt8]) -> Bool { ppiov_affinity_set(cpus, cpus.count) == 0 }
}

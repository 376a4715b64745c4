// SPDX-License-Identifier: GPL-2.0

/// Recognises reports of the kernel that begin with none of the usual words: some are a single line, some a message and a dump of the stack.
///
/// They count where no other report is open: inside of one they are its lines.
enum LoneReport {
    static func kind(of text: String) -> Splat.Kind? {
        if isAllocationFailure(text) { return .allocation }
        if isFaultOfIOMMU(text) { return .iommu }
        if text.has("NETDEV WATCHDOG: ") { return .txTimeout }
        // "INFO: task NAME:PID blocked ..." with a newline in the name.
        if text.has(" blocked"), text.has(" for more than "), text.ends(" seconds.") { return .hungTask }
        if text.has("non-responsive CSD lock") || text.begins("rcu_tasks") && text.has("detected stalls") { return .lockup }
        if text.has(": bad pgd ") || text.has(": bad p4d ") || text.has(": bad pud ") || text.has(": bad pmd ") || text.has("Corrupted page table at")
        {
            return .badPage
        }
        if text.begins("pagealloc: memory corruption") || text.begins("pagealloc: single bit error") || text.begins("page dumped because: ") {
            return .badPage
        }
        if text.begins("SLUB: "), text.has(" slabs counted but counter=") { return .slab }
        if text.begins("kmem_cache_create("), text.has("integrity check failed") { return .slab }
        if text.has("huh, entered softirq") { return .atomicContext }
        if ["Fixing recursive fault but reboot", "Insufficient stack space to handle exception", "SError Interrupt on CPU"].contains(
            where: text.begins)
        {
            return .oops
        }
        return bugs.contains { text.has($0) } ? .bug : nil
    }

    /// Messages about something that must not be.
    private static let bugs = [
        // net/core, net/ipv4
        "Dead loop on virtual device ", " asks to queue packet!", " is buggy, dev ", "page_pool refcnt ", ", exceeding its budget of ",
        "repoll requested for device ", "Attempt to release alive inet socket", "Attempt to release TCP socket in state",
        "found a SYN, please report",
        "Impossible, sk->sk_state=", "neighbour leakage", "neighbour: Impossible event", "Found non-dmabuf skb with net_iov",
        "Not enough bytes to eat",
        // lib, kernel, mm, fs
        "percpu_ref underflow", "Double-freed CB", "don't try to register things with the same name", "CFI failure at ", "Missing ENDBR: ",
        "Thread overran stack, or stack corrupted", "tree is corrupted: ", "usercopy: Kernel memory ", "VFS: Busy inodes after unmount",
        "hw csum failure", "ODEBUG: free ", "ODEBUG: init ", "ODEBUG: activate ", "ODEBUG: assert_init ", "ODEBUG: object ", "DEBUG_LOCKS_WARN_ON(",
        "Disabling IRQ #",
        ": BUG: ",
    ]

    /// `warn_alloc()` and `out_of_memory()`; the name of the task is in front, and may have a newline.
    private static func isAllocationFailure(_ text: String) -> Bool {
        if text.has(": page allocation failure: ") || text.has(" page allocation stall") || text.has(" invoked oom-killer: gfp_mask=") { return true }
        if text.has(", mode:0x"), text.has(", nodemask=") { return true }
        if text.begins("SLUB: Unable to allocate memory ") || text.begins("percpu: allocation failed") { return true }
        if text.has("ut of memory: Killed process ") || text.has("ut of memory (oom_kill_allocating_task): Killed process ") { return true }
        return text.has(") failed with error -12") || text.begins("Huh VM_FAULT_OOM leaked out")
    }

    private static func isFaultOfIOMMU(_ text: String) -> Bool {
        if text.begins("DMAR: ") {
            return ["handling fault status", "Request device [", "VT-d detected ", "ERROR: DMA PTE", "QI HEAD: "].contains { text.has($0) }
        }
        if text.has("Event logged [") || text.has("AMD-Vi: Command buffer timeout") || text.has("Completion-Wait loop timed out") { return true }
        if text.begins("iommu: unaligned: iova ") { return true }
        if text.has(": event 0x"), text.ends(" received:") { return true }
        if text.has(": event: "), text.has(" client: "), text.has(" sid: ") { return true }
        return [
            "Unhandled context fault: ", "Unexpected global fault", "unexpected global error reported", "Blocked unknown Stream ID",
            ": CMDQ error (cons ",
            ": CMDQ timeout", "CMD_SYNC timeout at ", "TLB sync timed out -- ", ": translation fault!", "has entered Service Failure Mode",
            "overflow detected -- events lost", "write aborted -- events may have been lost",
        ].contains { text.has($0) }
    }

    /// The first line of `dump_stack()`: "CPU: 0 UID: 0 PID: 90 Comm: nc Not tainted 7.3.4 #1"; kernels before 6.12 have no UID. The name may
    /// have a newline.
    static func isStackDump(_ text: String) -> Bool {
        guard let rest = text.rest(behind: "CPU: ") else { return false }
        let number = rest.utf8.prefix(while: isDigit)
        let behind = rest[number.endIndex...]
        return !number.isEmpty && (behind.begins(" UID: ") || behind.begins(" PID: ")) && behind.has(" Comm: ")
    }

    static func isCallTrace(_ text: String) -> Bool {
        let text = text.unindented
        return text.begins("Call Trace:") || text.begins("Call trace:")
    }

    /// `dump_stack_print_info()`, `show_regs()`, `skb_dump()`.
    private static let heads = [
        "Tainted: ", "[W]=", "Hardware name: ", "Workqueue: ", "Stopper: ", "Sched_ext: ", "Modules linked in: ", "RIP: ", "Code: ", "RSP: ",
        "skb ", "end-tail=", "mac=(", "shinfo(", "csum(", "hash(", "priority=", "encapsulation=", "dev name=", "sk family=",
    ]

    /// A line of a dump of the stack that follows its first: indented, or one that names the machine or the task.
    static func isPartOfDump(_ text: String) -> Bool {
        if text.isEmpty || text.begins(" ") || isStackDump(text) || isCallTrace(text) || CallTrace.frame(text) != nil { return true }
        return heads.contains(where: text.begins) || text.has(" Not tainted ") || isRegisters(text)
    }

    /// "RAX: 0000000000000000 RBX: ...", "CR2: ...", "FS:  ...", "x29: ... x28: ...".
    private static func isRegisters(_ text: String) -> Bool {
        guard let colon = text.utf8.prefix(8).firstIndex(of: UInt8(ascii: ":")) else { return false }
        let rest = text[text.utf8.index(after: colon)...].unindented
        return rest.utf8.prefix(8).count == 8 && rest.utf8.prefix(8).allSatisfy { isDigit($0) || (0x61...0x66).contains($0 | 0x20) }
    }

    /// The first line of a dump that reports no fault: one of an injected failure, of a SysRq, or of a CPU or a task that another report
    /// asked for.
    static func isNeutral(_ text: String) -> Bool {
        if text.begins("FAULT_INJECTION: forcing a failure") || text.begins("sysrq: ") || text.begins("Sending NMI from CPU ") { return true }
        if text.begins("NMI backtrace for cpu ") { return !text.has("skipped") }
        // "task:NAME state:D stack:0 pid:101 tgid:101 ppid:1"; a name may have a newline.
        return text.has(" state:") && text.has(" stack:") && text.has(" pid:")
    }
}

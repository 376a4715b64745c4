// SPDX-License-Identifier: GPL-2.0

public import Results

/// The kernel's own selftests that are about memory providers and the interfaces that they use, and how each runs.
///
/// Any other program below tools/testing/selftests can be named, too. It runs like the others of its folder.
public enum KernelSelftestCatalogue {
    /// liburing's test/zcrx.c. It runs like those of the kernel.
    static let liburing = "liburing/zcrx.t"

    public static let standard: [KernelSelftestPlan] = [
        KernelSelftestPlan(
            program: "drivers/net/hw/devmem.py", setting: .interface, timeout: 200, provider: .devmem,
            casesWithoutNetIovs: ["check_tx", "check_tx_chunks"]),
        KernelSelftestPlan(program: "drivers/net/hw/iou-zcrx.py", setting: .interface, provider: .zcrx),
        KernelSelftestPlan(
            program: "drivers/net/hw/nk_devmem.py", setting: .interface, timeout: 200, provider: .devmem,
            casesWithoutNetIovs: ["check_nk_tx", "check_nk_tx_chunks"]),
        KernelSelftestPlan(
            program: "drivers/net/hw/userns_devmem.py", setting: .interface, timeout: 200, provider: .devmem,
            casesWithoutNetIovs: ["check_userns_tx", "check_userns_tx_chunks"]),
        KernelSelftestPlan(program: "drivers/net/hw/nk_qlease.py", setting: .interface, provider: .zcrx, casesWithoutNetIovs: ["test_attrs"]),
        KernelSelftestPlan(program: "drivers/net/hw/pp_alloc_fail.py", setting: .interface, changesCode: true),
        KernelSelftestPlan(program: "drivers/net/hw/pp_alloc_fail.py", setting: .bare, changesCode: true),
        KernelSelftestPlan(program: "net/nl_netdev.py", setting: .bare),
        KernelSelftestPlan(program: "net/nk_qlease.py", setting: .bare),
        KernelSelftestPlan(program: "drivers/net/queues.py", setting: .bare),
        KernelSelftestPlan(program: "drivers/net/hds.py", setting: .bare),
        KernelSelftestPlan(program: liburing, setting: .bare),
    ]

    /// The plans of the names, each once; the whole list where no name is given.
    public static func plans(_ names: [String], setting: KernelSelftestPlan.Setting?) -> [KernelSelftestPlan] {
        guard !names.isEmpty else { return standard.filter { setting == nil || $0.setting == setting } }
        var plans: [KernelSelftestPlan] = []
        for plan in names.flatMap({ self.plans($0, setting: setting) }) where !plans.contains(plan) { plans.append(plan) }
        return plans
    }

    /// The plans of a name: all of that program in the list, or one where the list does not have it.
    ///
    /// - Parameter name: a path below tools/testing/selftests, or its last part.
    static func plans(_ name: String, setting: KernelSelftestPlan.Setting?) -> [KernelSelftestPlan] {
        let found = standard.filter { $0.program == name || $0.program.hasSuffix("/" + name) }
        guard let setting else {
            return found.isEmpty ? [KernelSelftestPlan(program: name, setting: name.hasPrefix("drivers/net/hw/") ? .interface : .bare)] : found
        }
        return (found.isEmpty ? [KernelSelftestPlan(program: name, setting: setting)] : found).map { plan in
            var plan = plan
            plan.setting = setting
            return plan
        }
    }
}

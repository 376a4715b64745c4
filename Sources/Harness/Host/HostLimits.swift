// SPDX-License-Identifier: GPL-2.0

import Foundation

/// What this process may use of the machine, and how much is started for it: compilers and guests.
public struct HostLimits: Sendable, Equatable {
    /// The processors that it may run on (sched_setaffinity(2), cpusets).
    var affinity: Int
    /// The machine's memory in bytes; nil where it is not known.
    var total: UInt64?
    var groups: ControlGroups

    /// The limits when the command began.
    public static let current = HostLimits()

    /// - Parameters:
    ///   - root: a folder that has `proc` and `sys`; empty for the machine's own.
    ///   - affinity: nil for that of /proc/self/status.
    init(root: String = "", affinity: Int? = nil) {
        let status = HostFile.read(Array((root + "/proc/self/status").utf8)) ?? []
        self.affinity = max(1, affinity ?? Self.affinity(status) ?? ProcessInfo.processInfo.activeProcessorCount)
        total = Self.total(HostFile.read(Array((root + "/proc/meminfo").utf8)) ?? [])
        groups = ControlGroups(root: root)
    }

    // MARK: - Processors

    private var quota: ControlGroups.Limit<Double>? { groups.processors.min { $0.value < $1.value } }

    /// Processors to plan with. A part of one counts as one.
    public var processors: Int {
        guard let quota, quota.value < Double(affinity) else { return affinity }
        return max(1, Int(quota.value.rounded(.up)))
    }

    // MARK: - Memory

    private var hard: ControlGroups.Limit<UInt64>? {
        let limits = groups.memory + (total.map { [ControlGroups.Limit(value: $0, file: "/proc/meminfo, MemTotal")] } ?? [])
        return limits.min { $0.value < $1.value }
    }

    /// The smallest limit, above which processes are killed or slowed down.
    private var memory: ControlGroups.Limit<UInt64>? {
        ((hard.map { [$0] } ?? []) + groups.memoryHigh).min { $0.value < $1.value }
    }

    /// What a compiler of the kernel's largest files needs.
    static let compilerBytes: UInt64 = 512 << 20

    /// What QEMU and a guest need: most pages of a guest are never touched, or are the snapshot's, which all guests share.
    static func guestBytes(_ memoryMB: Int) -> UInt64 { UInt64(max(0, memoryMB)) << 19 + 128 << 20 }

    // MARK: - What is started

    /// make's jobs where the user gives no number.
    public var compilers: Int { min(processors, Self.fitting(memory, Self.compilerBytes)) }

    /// How many of `wanted` machines fit; at least one.
    func machines(_ wanted: Int, memoryMB: Int) -> Int { min(max(1, wanted), Self.fitting(memory, Self.guestBytes(memoryMB))) }

    private static func fitting(_ limit: ControlGroups.Limit<UInt64>?, _ size: UInt64) -> Int {
        guard let limit else { return .max }
        return max(1, Int(clamping: limit.value / size))
    }

    /// - Throws: `HarnessError` where one guest does not fit below the limit: QEMU would be killed, and the kernel blamed.
    func requireMachine(memoryMB: Int) throws {
        guard let hard, Self.guestBytes(memoryMB) > hard.value else { return }
        throw HarnessError(
            .harness,
            "a guest of \(memoryMB) MiB does not fit: QEMU needs about \(Self.text(Self.guestBytes(memoryMB))), and \(hard.file) is \(Self.text(hard.value))",
            hint: "raise the limit, or give the guest less with --memory (at least 256 MiB)")
    }

    /// Why fewer machines are started than `wanted`; nil where they all fit.
    func reason(_ wanted: Int, memoryMB: Int) -> String? {
        let fitting = machines(wanted, memoryMB: memoryMB)
        guard fitting < wanted, let memory else { return nil }
        return "\(fitting) machine\(fitting == 1 ? "" : "s") at a time, not \(wanted): \(memory.file) is \(Self.text(memory.value))"
    }

    // MARK: - For the reader

    /// One line about processors, one about memory.
    public var findings: [(name: String, detail: String)] {
        var cpu = "\(affinity) in Cpus_allowed"
        if let quota { cpu += "; \(Self.text(quota.value)) by \(quota.file)" }
        var bytes = total.map { "\(Self.text($0)) in /proc/meminfo" } ?? "/proc/meminfo has no MemTotal"
        for (limits, name) in [(groups.memory, "limit"), (groups.memoryHigh, "reclaim from")] {
            if let least = limits.min(by: { $0.value < $1.value }) { bytes += "; \(name) \(Self.text(least.value)) by \(least.file)" }
        }
        return [("processors", "\(cpu): make -j\(compilers)"), ("memory", bytes)]
    }

    private static func text(_ bytes: UInt64) -> String { bytes < 10 << 20 ? "\(bytes >> 10) KiB" : "\(bytes >> 20) MiB" }

    private static func text(_ processors: Double) -> String { String(format: "%.2f", processors) }

    // MARK: - Reading

    /// The bits of "Cpus_allowed:\tff,ffffffff".
    private static func affinity(_ status: [UInt8]) -> Int? {
        for line in status.split(separator: UInt8(ascii: "\n")) where line.starts(with: "Cpus_allowed:".utf8) {
            let digits = line.dropFirst("Cpus_allowed:".utf8.count).filter {
                $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "\t") && $0 != UInt8(ascii: " ")
            }
            let values = digits.map { Character(UnicodeScalar($0)).hexDigitValue }
            guard !values.isEmpty, values.allSatisfy({ $0 != nil }) else { return nil }
            return values.reduce(0) { $0 + ($1?.nonzeroBitCount ?? 0) }
        }
        return nil
    }

    /// "MemTotal:       24684084 kB"
    private static func total(_ meminfo: [UInt8]) -> UInt64? {
        for line in meminfo.split(separator: UInt8(ascii: "\n")) where line.starts(with: "MemTotal:".utf8) {
            let words = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            guard words.count >= 2, let kilobytes = UInt64(String(decoding: words[1], as: UTF8.self)), kilobytes < 1 << 52 else { return nil }
            return kilobytes << 10
        }
        return nil
    }
}

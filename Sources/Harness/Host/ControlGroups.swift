// SPDX-License-Identifier: GPL-2.0

/// The limits of the control groups that this process is in: cgroup v2, v1, or both (a hybrid machine).
///
/// A group is limited by each group above it, up to the mount: container managers set the limit on a parent. Groups above the mount cannot be
/// seen.
struct ControlGroups: Sendable, Equatable {
    /// A limit and the file that has it.
    struct Limit<Value: Sendable & Equatable>: Sendable, Equatable {
        var value: Value
        var file: String
    }

    /// Processors' worth of time: 1.5 is 150 ms in each 100 ms.
    var processors: [Limit<Double>] = []
    /// Bytes. Above it the kernel kills (memory.max, memory.limit_in_bytes).
    var memory: [Limit<UInt64>] = []
    /// Bytes. Above it the kernel reclaims and slows the processes down (memory.high).
    var memoryHigh: [Limit<UInt64>] = []

    private let root: [UInt8]

    /// - Parameter root: a folder that has `proc` and `sys`; empty for the machine's own.
    init(root: String = "") {
        self.root = Array(root.utf8)
        let mounts = MountTable(HostFile.read(self.root + Array("/proc/self/mountinfo".utf8)) ?? []).mounts
        let groups = HostFile.read(self.root + Array("/proc/self/cgroup".utf8)) ?? []
        for line in groups.split(separator: UInt8(ascii: "\n")) {
            // ID:CONTROLLERS:PATH, and the path may have colons.
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let path = Array(fields[2])
            if fields[1].isEmpty {
                for mount in mounts where mount.type == "cgroup2" { for folder in Self.folders(path, on: mount) { readUnified(folder) } }
                continue
            }
            let controllers = fields[1].split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
            for mount in mounts where mount.type == "cgroup" {
                let both = controllers.filter(mount.options.contains)
                for folder in Self.folders(path, on: mount) {
                    if both.contains("cpu") { readQuota(folder) }
                    if both.contains("memory") { readBytes(folder, "memory.limit_in_bytes", into: \.memory) }
                }
            }
        }
    }

    /// The folders of a group and of those above it, the lowest first. Where the group is outside of what is mounted: the top of the mount, which
    /// limits it where the mount shows a part of the hierarchy.
    static func folders(_ path: [UInt8], on mount: MountTable.Mount) -> [[UInt8]] {
        let parts = path.split(separator: HostFile.slash)
        let above = mount.root.split(separator: HostFile.slash)
        let isInside = parts.starts(with: above) { $0.elementsEqual($1) } && !parts.contains { $0.elementsEqual("..".utf8) }
        let below = isInside ? parts.dropFirst(above.count) : []
        return (0...below.count).reversed().map { count in
            below.prefix(count).reduce(mount.point == [HostFile.slash] ? [] : mount.point) { $0 + [HostFile.slash] + $1 }
        }
    }

    private mutating func readUnified(_ folder: [UInt8]) {
        if let text = text(folder, "cpu.max"), let quota = text.words.first.flatMap(Self.number),
            let period = text.words.dropFirst().first.flatMap(Self.number)
        {
            add(quota, period, text.file)
        }
        readBytes(folder, "memory.max", into: \.memory)
        readBytes(folder, "memory.high", into: \.memoryHigh)
    }

    private mutating func readQuota(_ folder: [UInt8]) {
        guard let quota = text(folder, "cpu.cfs_quota_us"), let value = quota.words.first.flatMap(Self.number),
            let period = text(folder, "cpu.cfs_period_us")?.words.first.flatMap(Self.number)
        else { return }
        add(value, period, quota.file)
    }

    private mutating func add(_ quota: UInt64, _ period: UInt64, _ file: String) {
        guard quota > 0, period > 0 else { return }
        processors.append(Limit(value: Double(quota) / Double(period), file: file))
    }

    private mutating func readBytes(_ folder: [UInt8], _ name: String, into list: WritableKeyPath<ControlGroups, [Limit<UInt64>]>) {
        // v1 has a number close to 2^63 for "no limit".
        guard let text = text(folder, name), let bytes = text.words.first.flatMap(Self.number), bytes < 1 << 62 else { return }
        self[keyPath: list].append(Limit(value: bytes, file: text.file))
    }

    private func text(_ folder: [UInt8], _ name: String) -> (words: [ArraySlice<UInt8>], file: String)? {
        let path = folder + [HostFile.slash] + Array(name.utf8)
        return HostFile.read(root + path).map { bytes in
            (bytes.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\t") }, HostFile.printable(path))
        }
    }

    /// A decimal number; nil for "max", "-1", and anything else.
    private static func number(_ word: ArraySlice<UInt8>) -> UInt64? {
        guard !word.isEmpty else { return nil }
        var value: UInt64 = 0
        for byte in word {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (product, isOver) = value.multipliedReportingOverflow(by: 10)
            let (sum, isOverToo) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            if isOver || isOverToo { return nil }
            value = sum
        }
        return value
    }
}

// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Entries and tails that user space may write to a zcrx refill ring, and that the kernel must handle (`io_parse_rqe()`, io_uring/zcrx.c).
enum HostileRefillScenarios {
    typealias Reader = HostileScene.Reader
    typealias Entry = HostileScene.Entry
    typealias Held = ZeroCopyReceiver.Held

    /// What the kernel must do with the held buffers that an attack returns.
    enum Outcome {
        /// It must refuse them: the user still holds them.
        case refused
        /// It must take each once.
        case taken
    }

    /// Entries for the refill ring, made from the held deliveries and the offsets that are not held. The kernel reads the batches one by one.
    struct Attack: Sendable {
        var name: String
        var summary: String
        var outcome: Outcome
        var batches: @Sendable ([Held], [UInt64]) -> [[Entry]]

        init(
            _ name: String, _ summary: String, _ outcome: Outcome, _ batches: @escaping @Sendable ([Held], [UInt64]) -> [[Entry]]
        ) {
            self.name = name
            self.summary = summary
            self.outcome = outcome
            self.batches = batches
        }
    }

    private static let areaShift = ZeroCopyReceive.areaShift
    private static let entry: @Sendable (Held) -> Entry = { Entry(offset: $0.offset, length: $0.length) }

    /// The entries of the held deliveries, each changed by the next of `values`.
    private static func changed<Value: Sendable>(
        by values: [Value], _ change: @escaping @Sendable (inout Entry, Value) -> Void
    ) -> @Sendable ([Held], [UInt64]) -> [[Entry]] {
        { held, _ in
            var entries = held.map(entry)
            for index in entries.indices { change(&entries[index], values[index % values.count]) }
            return [entries]
        }
    }

    private static let size = UInt64(AreaMemory.smallPages * 4096)

    static let attacks: [Attack] = [
        Attack(
            "area", "entries with areas that do not exist", .refused,
            changed(by: [1, 2, 0x7fff, 0xffff] as [UInt64]) { $0.offset |= $1 << areaShift }),
        // At most 2^43: 7.3 uses 32 bits of the page number (docs/kernel-notes.md).
        Attack(
            "offset", "entries with offsets behind the end of the area", .refused,
            changed(by: [size, size << 8, 1 << 43, 1 << 40]) { $0.offset += $1 }),
        Attack("padding", "entries with padding other than zero", .refused, changed(by: [1, .max, 1 << 31, 42] as [UInt32]) { $0.padding = $1 }),
        Attack("never-delivered", "buffers returned that were not delivered", .refused) { _, others in
            let entries = others.map { Entry(offset: $0) }
            return [entries, entries]
        },
        Attack(
            "unaligned", "entries with unaligned offsets", .taken, changed(by: [1, 2047, 4095] as [UInt64]) { $0.offset = $0.offset & ~4095 + $1 }),
        Attack(
            "length", "entries with lengths other than those of the deliveries", .taken,
            changed(by: [0, 1, .max, 1 << 31] as [UInt32]) { $0.length = $1 }),
        // A poll adds up consecutive entries of one buffer, and takes none of them where they are more than the references
        // (zcrx_put_refill_niov()). So each is returned once more, correctly.
        Attack("twice", "each buffer returned twice, by consecutive entries", .taken) { held, _ in
            [held.flatMap { [entry($0), entry($0)] }, held.map(entry)]
        },
        Attack("twice-apart", "each buffer returned twice in one batch, with the others between", .taken) { held, _ in
            [held.map(entry) + held.map(entry)]
        },
        Attack("twice-batches", "each buffer returned again after the kernel has read the first entry", .taken) { held, _ in
            [held.map(entry), held.map(entry), held.reversed().map(entry)]
        },
        Attack("mixed", "thousands of invalid entries between the valid ones", .taken) { held, others in
            var entries: [Entry] = []
            for round in 0..<100 {
                entries += others.map { Entry(offset: $0 | UInt64(round % 7) << areaShift, padding: UInt32(round % 3)) }
                if round < held.count { entries.append(entry(held[round])) }
            }
            return [entries]
        },
    ]

    static let all: [Scenario] =
        attacks.flatMap { attack in Reader.allCases.map { scenario(attack, $0) } }
        + tails.flatMap { tail in Reader.allCases.map { scenario(tail, $0) } }
        + attacks.map(withoutDevice)

    /// Attacks that a flush reads in a quick run too; of the others a quick run has only the poll.
    private static let flushedInQuickRuns: Set<String> = ["never-delivered", "twice", "twice-apart", "mixed"]

    private static func scenario(_ attack: Attack, _ reader: Reader) -> Scenario {
        Scenario(
            "hostile.ring.\(attack.name).\(reader.rawValue)", "\(attack.summary); read by a \(reader.rawValue)", tier: .netdevsim,
            needs: HostileFamily.needs, expects: HostileFamily.expectation, thorough: reader == .flush && !flushedInQuickRuns.contains(attack.name)
        ) { run in try perform(attack, try HostileScene.make(run, reader)) }
    }

    private static func withoutDevice(_ attack: Attack) -> Scenario {
        Scenario(
            "hostile.nodev.\(attack.name)", "\(attack.summary); without a device", tier: .nodev, needs: HostileFamily.needsWithoutDevice,
            expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true), thorough: !flushedInQuickRuns.contains(attack.name)
        ) { run in try perform(attack, try HostileScene.make(run, .flush, device: false), device: false) }
    }

    private static func perform(_ attack: Attack, _ scene: HostileScene, device: Bool = true) throws {
        try scene.hold(first: attack.name == "offset" && device)
        if attack.outcome == .refused { try scene.run.userHolds(scene.receiver.heldNetIovs) }
        for batch in attack.batches(scene.receiver.held, scene.others) { try scene.put(batch) }
        switch attack.outcome {
        case .refused: try scene.expectStillHeld()
        case .taken: try scene.expectTaken()
        }
        try scene.finish()
    }

    /// A tail of the refill ring that user space must not write.
    struct Tail: Sendable {
        var name: String
        var summary: String
        /// The entries of all slots, made from the held deliveries; empty for entries that the kernel refuses.
        var entries: @Sendable ([Held]) -> [Entry] = { _ in [] }
        var outcome: Outcome
        /// The new tail, computed from the entry up to which the kernel has read.
        var tail: @Sendable (UInt32) -> UInt32
    }

    private static let tails: [Tail] = [
        Tail(name: "tail-far", summary: "the tail 2^30 entries ahead", outcome: .refused) { $0 &+ 1 << 30 },
        Tail(name: "tail-back", summary: "the tail moved back", outcome: .refused) { $0 &- 1 },
        Tail(name: "tail-full", summary: "the tail one entry further ahead than the ring has entries", outcome: .refused) { $0 &+ 4097 },
        Tail(
            name: "tail-duplicates", summary: "every slot returns a held buffer, and the tail 2^30 entries ahead",
            entries: { $0.map(entry) }, outcome: .taken
        ) { $0 &+ 1 << 30 },
    ]

    private static func scenario(_ tail: Tail, _ reader: Reader) -> Scenario {
        Scenario(
            "hostile.ring.\(tail.name).\(reader.rawValue)", "\(tail.summary); read by a \(reader.rawValue)", tier: .netdevsim,
            needs: HostileFamily.needs, expects: HostileFamily.expectation, thorough: tail.name == "tail-back" || tail.name == "tail-full"
        ) { run in
            let scene = try HostileScene.make(run, reader)
            try scene.hold()
            if tail.outcome == .refused { try run.userHolds(scene.receiver.heldNetIovs) }
            try scene.writeTail(tail)
            if tail.outcome == .refused { try scene.expectStillHeld() } else { try scene.expectTaken() }
            try scene.finish()
        }
    }
}

extension HostileScene {
    /// Times that the kernel reads the ring with the invalid tail: it reads every slot.
    private static let reads = 40
    /// An entry that every kernel refuses.
    static let refused = Entry(offset: .max, length: 0, padding: .max)

    /// Writes the slots and the tail, makes the kernel read the ring, and corrects the tail.
    func writeTail(_ tail: HostileRefillScenarios.Tail) throws {
        let entries = tail.entries(receiver.held)
        try run.step("tail written, ring read \(Self.reads) times") {
            let before = try receiver.with { parts in
                parts.queue.overwriteEntries { entries.isEmpty ? Self.refused : entries[Int($0) % entries.count] }
                let head = parts.queue.rawHead
                parts.queue.rawTail = tail.tail(head)
                return head
            }
            for _ in 0..<Self.reads { try readOnce() }
            let now = try receiver.with { $0.queue.rawHead }
            guard now &- before >= Self.reads else { throw ScenarioFailure("the kernel read \(now &- before) entries in \(Self.reads) tries") }
        }
        try run.step("tail corrected") { try correctTail() }
    }

    /// Sets the tail to the head of the kernel. The kernel has read the invalid tail and uses it until it reads the tail again: a flush reads the
    /// tail first, a poll only after it has read all entries up to the tail that it has read before.
    func correctTail() throws {
        try Polling.wait(within: run.timeout(10), orFail: "the kernel reads entries behind the tail", pause: 0) {
            try receiver.with { parts in
                parts.queue.overwriteEntries { _ in Self.refused }
                parts.queue.rawTail = parts.queue.rawHead
                try parts.ring.flush(queue: parts.queue.id)
                guard parts.queue.rawHead == parts.queue.rawTail else { return false }
                parts.queue.resume()
                return true
            }
        }
    }
}

extension ZeroCopyReceive.InterfaceQueue {
    /// Writes `entry` of each slot to that slot.
    borrowing func overwriteEntries(_ entry: (UInt32) -> HostileScene.Entry) {
        for slot in 0..<UInt32(capacity) {
            let entry = entry(slot)
            overwriteEntry(slot, offset: entry.offset, length: entry.length, padding: entry.padding)
        }
    }
}

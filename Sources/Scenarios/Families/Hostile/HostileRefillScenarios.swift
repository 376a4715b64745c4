// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// What user space may write into a zcrx refill ring, and the kernel must survive (`io_parse_rqe()`, io_uring/zcrx.c).
enum HostileRefillScenarios {
    typealias Reader = HostileScene.Reader
    typealias Entry = HostileScene.Entry
    typealias Held = ZeroCopyReceiver.Held

    /// Whose the held buffers are that an attack names.
    enum Fate {
        /// The user's: the kernel must not take them.
        case user
        /// The kernel's: it must have taken them, and once.
        case kernel
    }

    /// Entries for the refill ring, given the held deliveries and the offsets that are not held; batches are read one by one.
    struct Attack: Sendable {
        var name: String
        var summary: String
        var fate: Fate
        var batches: @Sendable ([Held], [UInt64]) -> [[Entry]]

        init(
            _ name: String, _ summary: String, _ fate: Fate, _ batches: @escaping @Sendable ([Held], [UInt64]) -> [[Entry]]
        ) {
            self.name = name
            self.summary = summary
            self.fate = fate
            self.batches = batches
        }
    }

    private static let areaShift = ZeroCopyReceive.areaShift
    private static let entry: @Sendable (Held) -> Entry = { Entry(offset: $0.offset, length: $0.length) }

    /// The held deliveries' entries, each changed in one of several ways in turn.
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
            "area", "entries name areas that there are not", .user, changed(by: [1, 2, 0x7fff, 0xffff] as [UInt64]) { $0.offset |= $1 << areaShift }),
        // No further than 2^43: 7.3 keeps 32 bits of the page number (docs/kernel-notes.md).
        Attack("offset", "entries name places behind the area's end", .user, changed(by: [size, size << 8, 1 << 43, 1 << 40]) { $0.offset += $1 }),
        Attack("padding", "entries have padding that is not zero", .user, changed(by: [1, .max, 1 << 31, 42] as [UInt32]) { $0.padding = $1 }),
        Attack("never-delivered", "buffers are returned that never were delivered", .user) { _, others in
            let entries = others.map { Entry(offset: $0) }
            return [entries, entries]
        },
        Attack("unaligned", "offsets lie within pages", .kernel, changed(by: [1, 2047, 4095] as [UInt64]) { $0.offset = $0.offset & ~4095 + $1 }),
        Attack("length", "lengths are not those of the deliveries", .kernel, changed(by: [0, 1, .max, 1 << 31] as [UInt32]) { $0.length = $1 }),
        // A poll adds up entries that follow each other, and takes none back of more than there are (zcrx_put_refill_niov()): they
        // are returned as they should be, in the end.
        Attack("twice", "each buffer is returned twice, one entry behind the other", .kernel) { held, _ in
            [held.flatMap { [entry($0), entry($0)] }, held.map(entry)]
        },
        Attack("twice-apart", "each buffer is returned twice in one batch, the others between", .kernel) { held, _ in
            [held.map(entry) + held.map(entry)]
        },
        Attack("twice-batches", "each buffer is returned again when the kernel has read the first return", .kernel) { held, _ in
            [held.map(entry), held.map(entry), held.reversed().map(entry)]
        },
        Attack("mixed", "thousands of bad entries between the good ones", .kernel) { held, others in
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

    /// Attacks that are read in every way in the quick part; the others by a poll.
    private static let telling: Set<String> = ["never-delivered", "twice", "twice-apart", "mixed"]

    private static func scenario(_ attack: Attack, _ reader: Reader) -> Scenario {
        Scenario(
            "hostile.ring.\(attack.name).\(reader.rawValue)", "\(attack.summary); read at a \(reader.rawValue)", tier: .netdevsim,
            needs: HostileFamily.needs, expects: HostileFamily.expectation, thorough: reader == .flush && !telling.contains(attack.name)
        ) { run in try perform(attack, try HostileScene.make(run, reader)) }
    }

    private static func withoutDevice(_ attack: Attack) -> Scenario {
        Scenario(
            "hostile.nodev.\(attack.name)", "\(attack.summary); without a device", tier: .nodev, needs: HostileFamily.needsWithoutDevice,
            expects: Expectation(provider: .zcrx, minimumHolds: 0, payload: true), thorough: !telling.contains(attack.name)
        ) { run in try perform(attack, try HostileScene.make(run, .flush, device: false), device: false) }
    }

    private static func perform(_ attack: Attack, _ scene: HostileScene, device: Bool = true) throws {
        try scene.hold(first: attack.name == "offset" && device)
        if attack.fate == .user { try scene.run.userHolds(scene.receiver.heldNetIovs) }
        for batch in attack.batches(scene.receiver.held, scene.others) { try scene.put(batch) }
        switch attack.fate {
        case .user: try scene.stillHeld()
        case .kernel: try scene.backInUse()
        }
        try scene.finish()
    }

    /// Head and tail of the refill ring, written by a user who means ill.
    struct Tail: Sendable {
        var name: String
        var summary: String
        /// The entries that all slots are given before, from the held deliveries; empty for entries that are refused.
        var entries: @Sendable ([Held]) -> [Entry] = { _ in [] }
        var fate: Fate
        /// The new tail, given the one the kernel has read up to.
        var tail: @Sendable (UInt32) -> UInt32
    }

    private static let tails: [Tail] = [
        Tail(name: "tail-far", summary: "the tail goes 2^30 entries ahead", fate: .user) { $0 &+ 1 << 30 },
        Tail(name: "tail-back", summary: "the tail goes back", fate: .user) { $0 &- 1 },
        Tail(name: "tail-full", summary: "the tail goes one entry further than the ring has", fate: .user) { $0 &+ 4097 },
        Tail(
            name: "tail-duplicates", summary: "every slot returns a buffer again, and the tail goes far ahead",
            entries: { $0.map(entry) }, fate: .kernel
        ) { $0 &+ 1 << 30 },
    ]

    private static func scenario(_ tail: Tail, _ reader: Reader) -> Scenario {
        Scenario(
            "hostile.ring.\(tail.name).\(reader.rawValue)", "\(tail.summary); read at a \(reader.rawValue)", tier: .netdevsim,
            needs: HostileFamily.needs, expects: HostileFamily.expectation, thorough: tail.name == "tail-back" || tail.name == "tail-full"
        ) { run in
            let scene = try HostileScene.make(run, reader)
            try scene.hold()
            if tail.fate == .user { try run.userHolds(scene.receiver.heldNetIovs) }
            try scene.wildTail(tail)
            if tail.fate == .user { try scene.stillHeld() } else { try scene.backInUse() }
            try scene.finish()
        }
    }
}

extension HostileScene {
    /// Times that the ring is read with the tail gone wild: more than once around.
    private static let reads = 40
    /// No kernel takes it for a buffer.
    static let refused = Entry(offset: .max, length: 0, padding: .max)

    /// Writes the slots and the tail, has the ring read, and puts the tail right again.
    func wildTail(_ tail: HostileRefillScenarios.Tail) throws {
        let entries = tail.entries(receiver.held)
        try run.step("tail moved, ring read \(Self.reads) times") {
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
        try run.step("tail put right") { try putTailRight() }
    }

    /// Brings the tail to where the kernel reads. It has seen the wild one and reads on by it until it is told otherwise: a flush
    /// looks at the tail first, a poll only when it has read all that the tail it saw left.
    func putTailRight() throws {
        let deadline = Deadline(seconds: run.timeout(10))
        while true {
            let met = try receiver.with { parts in
                parts.queue.overwriteEntries { _ in Self.refused }
                parts.queue.rawTail = parts.queue.rawHead
                try parts.ring.flush(queue: parts.queue.id)
                guard parts.queue.rawHead == parts.queue.rawTail else { return false }
                parts.queue.resume()
                return true
            }
            if met { return }
            guard !deadline.hasPassed else { throw ScenarioFailure("the kernel reads on past the tail") }
        }
    }
}

extension ZeroCopyReceive.InterfaceQueue {
    /// Writes every slot, each as `entry` has it.
    borrowing func overwriteEntries(_ entry: (UInt32) -> HostileScene.Entry) {
        for slot in 0..<UInt32(capacity) {
            let entry = entry(slot)
            overwriteEntry(slot, offset: entry.offset, length: entry.length, padding: entry.padding)
        }
    }
}

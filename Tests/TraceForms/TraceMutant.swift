// SPDX-License-Identifier: GPL-2.0

public import LifeCycle

/// A recording that was changed, in one of the forms, and what the checker must not say about it.
///
/// Everything follows from the seed.
public struct TraceMutant {
    public enum Change: String, CaseIterable, Sendable {
        /// An event is missing, twice in the trace, or has another netmem or pool.
        case remove, double, netmem, pool
        /// Two lines, or two pages, of one CPU change places.
        case swap
        /// A digit of an address in a text.
        case digit
        /// Bytes have other values, or are missing, or the end is.
        case bytes, cut
    }

    public let seed: UInt64
    public let change: Change
    private var random: SeededGenerator
    private let original: [TraceEvent]
    private let writers: [DatWriter]
    private let decompressors: [String: TraceDecompressor]

    private static let ledger = PoolLedger(begin: .noPools, end: .allPools)

    /// - Parameters:
    ///   - writers: the forms of a trace.dat.
    ///   - decompressors: what reads these, and what `TraceForm.inverted` reads.
    public init(seed: UInt64, writers: [DatWriter] = TraceForm.writers, decompressors: [String: TraceDecompressor] = TraceForm.inverted) {
        self.seed = seed
        (self.writers, self.decompressors) = (writers, decompressors)
        random = SeededGenerator(seed: seed)
        change = Change.allCases[Int(seed % UInt64(Change.allCases.count))]
        original = Recording.events(random.next() % 64, marks: false)
    }

    /// Checks it.
    ///
    /// - Returns: what is wrong with the checker's answer; nil where it is right.
    public mutating func examine() -> String? {
        switch change {
        case .remove, .double, .netmem, .pool: changedEvent()
        case .swap: swapped()
        case .digit: changedDigit()
        case .bytes, .cut: damaged()
        }
    }

    // MARK: - Changes of events

    private mutating func changedEvent() -> String? {
        var events = original
        let candidates = events.indices.filter { original[$0].netmem != nil }
        guard !candidates.isEmpty else { return nil }
        let index = pick(candidates)
        switch (change, events[index].action) {
        case (.remove, _): events.remove(at: index)
        case (.double, _): events.insert(events[index], at: index)
        case (.netmem, .hold(let netmem, let counter)): events[index].action = .hold(netmem: netmem ^ 0x40_0000, counter: counter)
        case (.netmem, .release(let netmem, let counter)): events[index].action = .release(netmem: netmem ^ 0x40_0000, counter: counter)
        default: events[index].pool ^= 0x80_0000
        }
        let form = pickForm()
        switch outcome(events, form) {
        case .success(let outcome) where outcome.conforms: return "\(change.rawValue) of event \(index) conforms as \(form.name)"
        default: return nil
        }
    }

    /// Two neighbours on one CPU, with different times.
    private mutating func swapped() -> String? {
        let pairs = original.indices.compactMap { index -> (Int, Int)? in
            guard let next = original[(index + 1)...].firstIndex(where: { $0.cpu == original[index].cpu }) else { return nil }
            return original[next].time > original[index].time ? (index, next) : nil
        }
        guard !pairs.isEmpty else { return nil }
        let (one, other) = pick(pairs)
        var events = original
        events.swapAt(one, other)
        let form = pickText()
        guard let outcome = try? Self.ledger.examine(.text(ByteSource(form.text(events)))), outcome.conforms else { return nil }
        return "events \(one) and \(other) in the wrong order conform as \(form)"
    }

    /// A digit of one address in one line of a text. A pool that held nothing may have any address: without its events it is not visible.
    private mutating func changedDigit() -> String? {
        let form = pickText()
        var text = form.text(original)
        let names = ["netmem=", "page_pool=", "pool="].map { Array($0.utf8) }
        let name = pick(names)
        let places = text.indices.dropLast(name.count + 18).filter { at in
            text[at..<at + name.count].elementsEqual(name) && (at == 0 || text[at - 1] == UInt8(ascii: " "))
        }
        guard !places.isEmpty else { return nil }
        let place = pick(places)
        let line = text[(text[..<place].lastIndex(of: UInt8(ascii: "\n")) ?? 0)...].dropFirst().prefix { $0 != UInt8(ascii: "\n") }
        guard !["hold=0 ", "hold=0x0 "].contains(where: { String(decoding: line, as: UTF8.self).contains($0) }) else { return nil }
        let start = place + name.count
        var digits = start..<(text[start...].firstIndex { !Self.isHexDigit($0) && $0 != UInt8(ascii: "x") } ?? text.endIndex)
        if text[digits.dropFirst(1).first ?? start] == UInt8(ascii: "x") { digits = digits.dropFirst(2) }
        guard !digits.isEmpty else { return nil }
        let at = pick(Array(digits))
        text[at] = text[at] == UInt8(ascii: "7") ? UInt8(ascii: "3") : UInt8(ascii: "7")
        guard let outcome = try? Self.ledger.examine(.text(ByteSource(text))), outcome.conforms else { return nil }
        return "another digit at byte \(at) conforms as \(form): \(String(decoding: line, as: UTF8.self))"
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    // MARK: - Changes of bytes

    /// The answer can be anything but another account that conforms.
    private mutating func damaged() -> String? {
        let form = pickForm()
        guard var bytes = try? form.bytes(original), !bytes.isEmpty else { return "cannot write \(form.name)" }
        if change == .cut {
            let start = Int.random(in: 0..<bytes.count, using: &random)
            let end = random.next() % 2 == 0 ? bytes.count : min(bytes.count, start + Int.random(in: 1...300, using: &random))
            bytes.removeSubrange(start..<end)
        } else {
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch random.next() % 4 {
                case 0: bytes[at] ^= 1 << UInt8(random.next() % 8)
                case 1: bytes[at] = pick([0, 0x0a, 0x0d, 0x20, 0x30, 0x39, 0x5b, 0xff])
                case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
                default:
                    let word = pick([0, UInt64.max, 1 << 63, UInt64(bytes.count), random.next() >> 40])
                    for byte in 0..<8 where at + byte < bytes.count { bytes[at + byte] = UInt8(truncatingIfNeeded: word >> (8 * byte)) }
                }
            }
        }
        guard let outcome = try? form.examine(bytes, Self.ledger, decompressors: decompressors), outcome.conforms else { return nil }
        let counts = outcome.accounts.map { [$0.holds, $0.releases] }
        let expected = Self.ledger.examine(original).accounts.map { [$0.holds, $0.releases] }
        return counts == expected ? nil : "damaged bytes conform with other accounts as \(form.name)"
    }

    // MARK: - Forms

    private func outcome(_ events: [TraceEvent], _ form: TraceForm) -> Result<PoolLedger.Outcome, any Error> {
        Result { try form.examine(try form.bytes(events), Self.ledger, decompressors: decompressors) }
    }

    /// A form with the contexts of events: without them, the checker allows more.
    private mutating func pickText() -> TextForm {
        pick(TextForm.all.filter { ($0.hasFlags || $0.isLatency) && $0.endsWithNewline })
    }

    private mutating func pickForm() -> TraceForm {
        switch random.next() % 3 {
        case 0: .dat(pick(writers))
        case 1: .pages
        default: .text(pickText())
        }
    }

    private mutating func pick<T>(_ values: [T]) -> T { values[Int.random(in: 0..<values.count, using: &random)] }
}

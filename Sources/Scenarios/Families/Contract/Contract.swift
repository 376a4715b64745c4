// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// What the kernel answers to requests that it must refuse, one condition at a time and two at once, so that the order in which it
/// looks at them shows. Held against the table that is kept for the kernel's version.
struct Contract<Request> {
    /// A reason to refuse.
    struct Condition {
        var name: String
        /// Two conditions of one place exclude each other.
        var place: String
        /// Tried together with every condition before it, because its answer is like no other's.
        var isWitness: Bool
        /// Makes the request one to refuse.
        var change: (inout Request) -> Void
        /// Makes the device's state one to refuse for; gives back what undoes it.
        var surround: (() throws -> () throws -> Void)?

        init(_ name: String, _ place: String, witness: Bool = false, change: @escaping (inout Request) -> Void) {
            self.name = name
            self.place = place
            isWitness = witness
            self.change = change
        }

        init(_ name: String, _ place: String, witness: Bool = false, surround: @escaping () throws -> () throws -> Void) {
            self.init(name, place, witness: witness, change: { _ in })
            self.surround = surround
        }
    }

    /// The request that is granted.
    var plain: Request
    /// In the order in which the newest kernel known checks them.
    var conditions: [Condition]
    /// Asks for it, and ends what was granted; nil where it was.
    var ask: (Request) throws -> KernelError?

    /// "CONDITION: ERRNO "extack"" for each, then "CONDITION + WITNESS: ..." for each pair.
    func observe() throws -> [String] {
        var lines: [String] = [ContractText.line("nothing wrong", try ask(plain))]
        for condition in conditions { lines.append(try line([condition])) }
        for (index, witness) in conditions.enumerated() where witness.isWitness {
            for earlier in conditions[..<index] where earlier.place != witness.place { lines.append(try line([earlier, witness])) }
        }
        return lines
    }

    private func line(_ conditions: [Condition]) throws -> String {
        var request = plain
        var undo: [() throws -> Void] = []
        let outcome = Result { () throws -> KernelError? in
            for condition in conditions {
                condition.change(&request)
                if let surround = condition.surround { undo.append(try surround()) }
            }
            return try ask(request)
        }
        for undo in undo.reversed() { try undo() }
        return ContractText.line(conditions.map { $0.name }.joined(separator: " + "), try outcome.get())
    }
}

/// Contracts as text: what is kept, what is shown, and how they differ.
enum ContractText {
    static func line(_ what: String, _ error: KernelError?) -> String {
        guard let error else { return "\(what): granted" }
        return "\(what): \(error.codeName)" + (error.message.map { " \"\(plain($0))\"" } ?? "")
    }

    /// Without the addresses and lengths of a scatter list, which are others in every run, and whatever the extack's 80 bytes leave of
    /// the words behind them.
    static func plain(_ message: String) -> String {
        let entry = "dmabuf sg entry ("
        return message.hasPrefix(entry) ? "\(entry)...) not aligned to niov size" : message
    }

    /// "7.3" of "7.3.4-ppiov"; nil where it does not begin like that.
    static func version(_ release: String) -> String? {
        let numbers = release.split(separator: ".", maxSplits: 2).prefix(2).map { $0.prefix { $0.isNumber } }
        guard numbers.count == 2, numbers.allSatisfy({ !$0.isEmpty }) else { return nil }
        return numbers.joined(separator: ".")
    }

    /// The lines under the heading "[NAME]".
    static func section(_ name: String, of text: String) -> [String] {
        let lines = text.split(separator: "\n").map(String.init)
        guard let heading = lines.firstIndex(of: "[\(name)]") else { return [] }
        return Array(lines[(heading + 1)...].prefix { !$0.hasPrefix("[") })
    }

    /// "-" what is kept and was not shown, "+" what was shown and is not kept, in the order of what was shown; empty where they agree.
    static func difference(kept: [String], shown: [String]) -> [String] {
        let change = shown.difference(from: kept)
        var lines: [(place: Int, text: String)] = change.removals.compactMap {
            if case .remove(let offset, let line, _) = $0 { return (offset * 2, "-\(line)") }
            return nil
        }
        lines += change.insertions.compactMap {
            if case .insert(let offset, let line, _) = $0 { return (offset * 2 + 1, "+\(line)") }
            return nil
        }
        return lines.sorted { $0.place < $1.place }.map { $0.text }
    }

    /// Compares with the table of the version that runs.
    ///
    /// A version for which no table is kept is compared with the newest known: where it agrees, that is a pass; where it does not, nobody
    /// has said yet what is right, so the scenario is skipped and the difference is its reason.
    static func judge(_ name: String, _ shown: [String], _ run: ScenarioRun) throws {
        let release = try KernelFile.read("/proc/sys/kernel/osrelease")
        let own = version(release)
        let known = ContractTables.kept.first { $0.version == own }
        guard let table = known ?? ContractTables.kept.first else { throw ScenarioFailure("no table is kept at all") }
        let changed = difference(kept: section(name, of: table.text), shown: shown)
        if known == nil && !changed.isEmpty {
            throw ScenarioSkip(
                "no contract is kept for Linux \(own ?? release); against \(table.version)'s: \(changed.joined(separator: "; "))")
        }
        try run.expect(
            changed.isEmpty, "\(shown.count) answers are those of Linux \(table.version)", "\n" + changed.joined(separator: "\n"))
    }
}

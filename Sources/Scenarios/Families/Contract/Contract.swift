// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// The kernel's results of requests that it must refuse, for one reason and for two, which shows the order of its checks. They are compared
/// with the table of the kernel's version.
struct Contract<Request> {
    /// A reason to refuse.
    struct Condition {
        var name: String
        /// Two conditions of the same place exclude each other.
        var place: String
        /// Tried together with every condition before it, because its result differs from that of every other condition.
        var isWitness: Bool
        /// Changes the request so that the kernel must refuse it.
        var change: (inout Request) -> Void
        /// Changes the state of the device so that the kernel must refuse the request; returns what restores the state.
        var prepare: (() throws -> () throws -> Void)?

        init(_ name: String, _ place: String, witness: Bool = false, change: @escaping (inout Request) -> Void) {
            self.name = name
            self.place = place
            isWitness = witness
            self.change = change
        }

        init(_ name: String, _ place: String, witness: Bool = false, prepare: @escaping () throws -> () throws -> Void) {
            self.init(name, place, witness: witness, change: { _ in })
            self.prepare = prepare
        }
    }

    /// The request that the kernel grants.
    var plain: Request
    /// In the order in which the newest kernel with a table checks them.
    var conditions: [Condition]
    /// Makes the request, and ends a granted one; nil where the kernel granted it.
    var refusal: (Request) throws -> KernelError?

    /// "CONDITION: ERRNO "extack"" for each, then "CONDITION + WITNESS: ..." for each pair.
    func observe() throws -> [String] {
        var lines: [String] = [ContractText.line("valid request", try refusal(plain))]
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
                if let prepare = condition.prepare { undo.append(try prepare()) }
            }
            return try refusal(request)
        }
        for undo in undo.reversed() { try undo() }
        return ContractText.line(conditions.map { $0.name }.joined(separator: " + "), try outcome.get())
    }
}

/// Contracts as text: the expected lines, the observed lines, and their difference.
enum ContractText {
    static func line(_ what: String, _ error: KernelError?) -> String {
        guard let error else { return "\(what): granted" }
        return "\(what): \(error.codeName)" + (error.message.map { " \"\(plain($0))\"" } ?? "")
    }

    /// The message without the addresses and lengths of a scatter list, which differ in every run, and without the text behind them, of which the
    /// 80 bytes of an extack contain a varying part.
    static func plain(_ message: String) -> String {
        let entry = "dmabuf sg entry ("
        return message.hasPrefix(entry) ? "\(entry)...) not aligned to niov size" : message
    }

    /// "7.3" of "7.3.4-ppiov"; nil where the release does not begin with two numbers.
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

    /// "-" before an expected line that was not observed, "+" before an observed line that is not expected, in the observed order; empty where they
    /// agree.
    static func difference(expected: [String], observed: [String]) -> [String] {
        let change = observed.difference(from: expected)
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

    /// Compares with the table of the running kernel's version.
    ///
    /// A version without a table is compared with the newest table. Where they agree, the scenario passes; where they differ, the right result is not
    /// known, and the scenario is skipped with the difference as its reason.
    static func compare(_ name: String, _ observed: [String], _ run: ScenarioRun) throws {
        let release = try KernelFile.read("/proc/sys/kernel/osrelease")
        let own = version(release)
        let known = ContractTables.all.first { $0.version == own }
        guard let table = known ?? ContractTables.all.first else { throw ScenarioFailure("there is no contract table") }
        let changed = difference(expected: section(name, of: table.text), observed: observed)
        if known == nil && !changed.isEmpty {
            throw ScenarioSkip(
                "there is no contract table for Linux \(own ?? release); difference from that of \(table.version): "
                    + changed.joined(separator: "; "))
        }
        try run.expect(
            changed.isEmpty, "\(observed.count) results are those of Linux \(table.version)", "\n" + changed.joined(separator: "\n"))
    }
}

// SPDX-License-Identifier: GPL-2.0

/// The order of the patches of a series.
enum SeriesOrder {
    /// Sorts the mails of a Maildir by their numbers, where all are of one series.
    static func sorted(maildir patches: [Patch]) -> [Patch] {
        let series = Set(patches.map { "\($0.count ?? -1) \($0.version ?? "1")" })
        let numbers = patches.compactMap(\.number)
        guard series.count == 1, numbers.count == patches.count, Set(numbers).count == numbers.count else { return patches }
        return patches.sorted { ($0.number ?? 0) < ($1.number ?? 0) }
    }

    /// Checks that the numbers in the subjects are in order.
    static func require(_ patches: [Patch]) throws {
        try requireOneVersion(patches)
        // Several series in a row are applied as one; each counts from 1.
        var last: Patch?
        for patch in patches {
            let before = last
            last = patch.number == nil ? nil : patch
            if patch.number == nil || patch.number == 1, let before, before.number != before.count { throw outOfOrder(patches, patch) }
            guard let number = patch.number, let count = patch.count else { continue }
            if number > count {
                throw HarnessError(
                    .input, "\(patch.title) has the number \(number)/\(count)",
                    hint: "one of the two numbers in its subject is wrong: mend it in the file")
            }
            if number == 1 { continue }
            guard let before, before.count == count, let previous = before.number else {
                if patches.count == 1 { continue }  // only one patch of a series
                throw outOfOrder(patches, patch)
            }
            guard number == previous + 1 else { throw outOfOrder(patches, patch) }
        }
        if let last, let number = last.number, let count = last.count, number < count, patches.count > 1 {
            throw HarnessError(
                .input, "the series ends with patch \(number) of \(count)",
                hint: "get the rest of it: `b4 am` lists the mails that are missing. \(chosen)")
        }
    }

    private static let chosen =
        "If these patches are what you chose (`b4 am -P`), commit them with `git am` and give what `git format-patch` writes, which counts them anew"

    private static func requireOneVersion(_ patches: [Patch]) throws {
        // A subject in two versions; a first version mostly has no "v1".
        let versions = Dictionary(grouping: patches, by: \.subject).values.map { Set($0.map { $0.version ?? "1" }) }.first { $0.count > 1 }
        guard let versions else { return }
        let sorted = versions.sorted { SeriesFiles.isBefore($0, $1) }
        throw HarnessError(
            .input, "these are several versions of a series: " + sorted.map { "v\($0)" }.joined(separator: ", "),
            hint: "give one of them; `b4 am` gets the newest")
    }

    private static func outOfOrder(_ patches: [Patch], _ patch: Patch) -> HarnessError {
        let order = patches.map { patch in patch.number.flatMap { number in patch.count.map { "\(number)/\($0)" } } ?? "-" }
        let place = patch.number.map { "patch \($0) of \(patch.count ?? 0)" } ?? "a patch without a number"
        return HarnessError(
            .input, "the series is out of order at \(place), \"\(patch.subject)\": the order is \(order.joined(separator: " "))",
            hint: hint(patches))
    }

    private static func hint(_ patches: [Patch]) -> String {
        let numbers = patches.compactMap(\.number)
        guard numbers.count == patches.count else { return "give the patches of one series, or several whole series one after the other" }
        if Set(numbers).count < numbers.count, Set(patches.map(\.count)).count == 1 {
            return "a number is there twice: take the mail out that is not of this series; `b4 am` gets each patch once"
        }
        if zip(numbers, numbers.dropFirst()).allSatisfy({ $0 < $1 }) { return "a patch is missing: `b4 am` gets all of them. \(chosen)" }
        return "sort them, or get them again: `b4 am` sorts them, and a folder is read in the order of its names"
    }
}

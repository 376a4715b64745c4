// SPDX-License-Identifier: GPL-2.0

internal import Results

/// A program's output from one version line, or its beginning, to the next: a plan and numbered results, with lines between them.
///
/// Programs write half a line to standard error in front of a result, a forked child repeats what was buffered, and a plan may come late or
/// twice. What can be read without doubt is read; what contradicts itself is named.
struct KTAPDocument {
    /// The lines between two results, and the second of them.
    struct Part {
        var output: [String] = []
        /// The place of `result` among the lines.
        var line = 0
        /// nil for the lines after the last.
        var result: KTAPLine.KTAPResult?
    }

    private(set) var parts: [Part] = []
    private(set) var planned: Int?
    private(set) var skipped: String?
    private(set) var bail: String?
    private(set) var isTAP = false
    private(set) var contradictions: [String] = []
    private var output: [String] = []
    /// For each line of `output`, its place among all lines.
    private var places: [[Int]] = [[]]

    static func documents(of lines: [String]) -> [KTAPDocument] {
        var documents = [KTAPDocument()]
        for (place, line) in lines.enumerated() {
            let read = KTAPLine(line)
            if documents[documents.count - 1].endsBefore(read) {
                documents[documents.count - 1].finish()
                documents.append(KTAPDocument())
            }
            documents[documents.count - 1].add(read, line, place)
        }
        documents[documents.count - 1].finish()
        return documents
    }

    private var results: Int { parts.count }

    /// A second document begins with a version line, or with another plan where the first is fulfilled.
    private func endsBefore(_ line: KTAPLine) -> Bool {
        switch line {
        case .version: results > 0 || planned != nil
        case .plan(let count, _): planned != nil && planned == results && results > 0 && count != planned
        default: false
        }
    }

    private mutating func add(_ read: KTAPLine, _ line: String, _ place: Int) {
        switch read {
        case .version: isTAP = true
        case .plan(let count, let reason):
            isTAP = true
            skipped = skipped ?? (count == 0 ? reason : nil)
            if let planned, planned != count { contradictions.append("it printed two plans: 1..\(planned) and 1..\(count)") }
            planned = planned ?? count
        case .bailOut(let reason): bail = bail ?? reason
        case .result(let result):
            isTAP = true
            parts.append(Part(output: output, line: place, result: result))
            output = []
            places.append([])
        default:
            output.append(line)
            places[places.count - 1].append(place)
        }
    }

    private mutating func finish() {
        parts.append(Part(output: output))
        recover()
        dropRepeated()
        let numbers = parts.compactMap { $0.result?.number }
        // Without a plan, only its number shows that a result is missing.
        if planned == nil, numbers == numbers.sorted(), let first = numbers.first {
            for (number, next) in zip([min(first, 1) == 1 ? 0 : first] + numbers, numbers) where next - number > 1 {
                contradictions.append("its results are not numbered through: \(next) follows \(number)")
            }
        }
    }

    /// A program that loses more results than these in other text is not read further: its plan or its numbers show that some are missing.
    private static let mostRecovered = 1000

    /// Finds results that are behind other text on their line: those whose number no other line has.
    private mutating func recover() {
        guard isTAP else { return }
        let numbers = Set(parts.compactMap { $0.result?.number })
        let highest = numbers.max() ?? 0
        // One more than the highest, where there is no plan: the last line may be such a line, too.
        let end = min(planned ?? Self.sum(highest, 1), Self.sum(highest, Self.mostRecovered))
        // For each number, the places of the lines that may have it: numbers can be any, and only those in a line are looked for.
        var lines: [Int: [Int]] = [:]
        for (part, places) in zip(parts, places) {
            for (line, place) in zip(part.output, places) {
                for number in Set(KTAPLine.embeddedNumbers(in: line)) where number >= 1 && number <= end && !numbers.contains(number) {
                    lines[number, default: []].append(place)
                }
            }
        }
        for (number, places) in lines.sorted(by: { $0.key < $1.key }).prefix(Self.mostRecovered) {
            let start = (parts.lastIndex { ($0.result?.number).map { $0 < number } ?? false }).map { $0 + 1 } ?? 0
            let until = parts[start...].firstIndex { ($0.result?.number).map { $0 > number } ?? true } ?? parts.count - 1
            // Behind a letter only where the results on both sides are there.
            let isBetween = number < highest
            for insideWord in isBetween ? [false, true] : [false] {
                if recover(number, at: places, in: start...max(start, until), insideWord) { break }
            }
        }
    }

    private static func sum(_ first: Int, _ second: Int) -> Int {
        let (sum, overflow) = first.addingReportingOverflow(second)
        return overflow ? .max : sum
    }

    private mutating func recover(_ number: Int, at lines: [Int], in range: ClosedRange<Int>, _ insideWord: Bool) -> Bool {
        for place in lines {
            guard let part = part(of: place), range.contains(part), let index = places[part].firstIndex(from: place) else { continue }
            guard let (before, result) = KTAPLine.embedded(in: parts[part].output[index], number: number, insideWord: insideWord) else { continue }
            let new = Part(output: Array(parts[part].output[..<index]) + [before], line: place, result: result)
            parts[part].output.removeFirst(index + 1)
            parts.insert(new, at: part)
            // `before` has no line of its own.
            places.insert(Array(places[part][..<index]) + [place], at: part)
            places[part + 1].removeFirst(index + 1)
            return true
        }
        return false
    }

    /// The part whose output has the line at that place.
    private func part(of place: Int) -> Int? {
        var (low, high) = (0, parts.count - 1)
        while low < high {
            let middle = (low + high) / 2
            // Its lines are before its result. Only the last has none.
            if parts[middle].line < place { low = middle + 1 } else { high = middle }
        }
        return places[low].last.map { $0 >= place } == true ? low : nil
    }

    /// A forked child may write what its parent had buffered once more. Such lines are the same in every byte, and more than were planned.
    private mutating func dropRepeated() {
        guard let planned, parts.count - 1 > planned else { return }
        var kept: [Part] = []
        var seen: Set<KTAPLine.KTAPResult> = []
        for part in parts {
            if let result = part.result, result.number != nil, seen.contains(result) { continue }
            if let result = part.result { seen.insert(result) }
            kept.append(part)
        }
        if kept.count - 1 == planned { parts = kept }
    }
}

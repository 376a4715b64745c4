// SPDX-License-Identifier: GPL-2.0

/// Reads KTAP version 1 (Documentation/dev-tools/ktap.rst), and refuses all that the document does not allow.
struct StrictKTAPReader {
    struct Test: Equatable {
        var name: String
        var ok: Bool
        /// The text after "# SKIP"; nil where it was not skipped.
        var skip: String?
        /// Any other text after "#".
        var note: String?
        /// The "# ..." lines before its result line, without "# ".
        var diagnostics: [String]
        var subtests: [Test]
    }

    struct Malformed: Error, Equatable, CustomStringConvertible {
        var line: Int
        var fault: String
        var description: String { "line \(line): \(fault)" }
    }

    private var lines: [String]
    private var next = 0

    /// The tests of a whole document.
    ///
    /// - Throws: `Malformed`.
    static func read(_ text: String) throws(Malformed) -> [Test] {
        guard text.hasSuffix("\n") else { throw Malformed(line: 0, fault: "the text does not end with a newline") }
        var reader = StrictKTAPReader(lines: text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
        let tests = try reader.tests(indent: "")
        guard reader.next == reader.lines.count else { throw reader.fault("surplus after the plan is done: \"\(reader.lines[reader.next])\"") }
        return tests
    }

    private init(lines: [String]) { self.lines = lines }

    private func fault(_ text: String) -> Malformed { Malformed(line: next + 1, fault: text) }

    /// The next line without its indentation; nil where there is none or it is less indented.
    private func peek(_ indent: String) -> Substring? {
        guard next < lines.count, lines[next].hasPrefix(indent) else { return nil }
        return lines[next].dropFirst(indent.count)
    }

    private mutating func tests(indent: String) throws(Malformed) -> [Test] {
        guard peek(indent) == "KTAP version 1" else { throw fault("no version line") }
        next += 1
        guard let plan = peek(indent), plan.hasPrefix("1.."), let count = Int(plan.dropFirst(3)), count >= 0 else { throw fault("no plan") }
        next += 1
        var tests: [Test] = []
        while tests.count < count { tests.append(try test(number: tests.count + 1, indent: indent)) }
        return tests
    }

    private mutating func test(number: Int, indent: String) throws(Malformed) -> Test {
        var subtests: [Test] = []
        var diagnostics: [String] = []
        while let line = peek(indent) {
            if line == "  KTAP version 1" {
                guard subtests.isEmpty else { throw fault("a second nested document") }
                subtests = try tests(indent: indent + "  ")
            } else if line.hasPrefix("# ") {
                diagnostics.append(String(line.dropFirst(2)))
                next += 1
            } else {
                var test = try result(line, number: number)
                test.subtests = subtests
                test.diagnostics = diagnostics
                next += 1
                try checkAgainstSubtests(test)
                return test
            }
        }
        throw fault("the result line of test \(number) is missing")
    }

    private func result(_ line: Substring, number: Int) throws(Malformed) -> Test {
        let ok = line.hasPrefix("ok ")
        guard ok || line.hasPrefix("not ok ") else { throw fault("neither a result nor a diagnostic: \"\(line)\"") }
        let rest = line.dropFirst(ok ? 3 : 7)
        guard rest.hasPrefix("\(number) ") else { throw fault("test \(number) is expected: \"\(line)\"") }
        let (name, directive) = try split(rest.dropFirst("\(number) ".count))
        guard !name.isEmpty, name == name.filter({ !$0.isWhitespace }) else { throw fault("a test without a plain name: \"\(line)\"") }
        guard let directive, directive == "SKIP" || directive.hasPrefix("SKIP ") else {
            return Test(name: name, ok: ok, skip: nil, note: directive, diagnostics: [], subtests: [])
        }
        guard ok else { throw fault("a skipped test that is not ok: \"\(line)\"") }
        return Test(name: name, ok: ok, skip: String(directive.dropFirst(5)), note: nil, diagnostics: [], subtests: [])
    }

    /// Name and directive, parted by " # ", with "\#" and "\\" resolved.
    private func split(_ text: Substring) throws(Malformed) -> (String, String?) {
        var parts = [""]
        var isEscaped = false
        for character in text {
            if isEscaped {
                guard character == "#" || character == "\\" else { throw fault("\\\(character) is no escape") }
                parts[parts.count - 1].append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "#" {
                guard parts.count == 1, parts[0].hasSuffix(" ") else { throw fault("a \"#\" that begins no directive") }
                parts[0].removeLast()
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        guard !isEscaped else { throw fault("a \"\\\" at the end") }
        guard parts.count == 2 else { return (parts[0], nil) }
        guard parts[1].hasPrefix(" ") else { throw fault("a directive without a space") }
        return (parts[0], String(parts[1].dropFirst()))
    }

    private func checkAgainstSubtests(_ test: Test) throws(Malformed) {
        guard !test.subtests.isEmpty else { return }
        guard test.ok == test.subtests.allSatisfy(\.ok) else { throw fault("\(test.name) does not agree with its subtests") }
        guard (test.skip != nil) == test.subtests.allSatisfy({ $0.skip != nil }) else {
            throw fault("\(test.name) disagrees with its subtests about SKIP")
        }
    }
}

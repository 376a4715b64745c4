// SPDX-License-Identifier: GPL-2.0

import FoundationEssentials
import Results
import TestSupport
import Testing

@testable import Checks

/// Logs/forms.tsv: the texts of the kernel's own detectors from 6.12 to 7.3, as `scripts/kernel-log-forms` prints them, each with the kind that
/// it is; "-" where the line alone reports nothing, because it is harmless or a line in the middle of a report.
@Suite struct KernelLogFormsTests {
    struct Form: CustomTestStringConvertible {
        var number: Int
        var kind, versions, file, call, text: String

        var testDescription: String { "\(number): \(text)" }

        /// The console lines: conversions are replaced by values, and a dump of the stack follows where the code makes one.
        var lines: [String] {
            let stamp = "[   10.000000][  T101] "
            var lines = Self.rendered(text).split(separator: "\n", omittingEmptySubsequences: true).map { stamp + $0 }
            if call.hasSuffix("+stack") {
                lines += [
                    "CPU: 1 UID: 0 PID: 101 Comm: ppiov-agent Not tainted 7.3.4 #1 PREEMPT(full)", "Call Trace:", " <TASK>", " f+0x1/0x2", " </TASK>",
                ].map { stamp + $0 }
            }
            return lines
        }

        static func rendered(_ text: String) -> String {
            var result: [UInt8] = []
            // The place of a WARN().
            var bytes = Array(text.replacing("%s:%d at", with: "net/core/dev.c:%d at").replacing("at %s:%d", with: "at net/core/dev.c:%d").utf8)[...]
            while let byte = bytes.popFirst() {
                if byte == UInt8(ascii: "\\"), let next = bytes.popFirst() {
                    result.append(next == UInt8(ascii: "n") ? UInt8(ascii: "\n") : next == UInt8(ascii: "t") ? UInt8(ascii: "\t") : next)
                } else if byte == UInt8(ascii: "%") {
                    if bytes.first == UInt8(ascii: "%") {
                        bytes = bytes.dropFirst()
                        result.append(byte)
                        continue
                    }
                    while let next = bytes.first, "0123456789.*#- +lzhqtLj".utf8.contains(next) { bytes = bytes.dropFirst() }
                    let conversion = bytes.popFirst()
                    if conversion == UInt8(ascii: "p") {
                        while let next = bytes.first, (0x41...0x5a).contains(next & 0xdf), result.count < 4096 { bytes = bytes.dropFirst() }
                        result += Array("f+0x1/0x2".utf8)
                    } else {
                        result += Array((conversion == UInt8(ascii: "s") || conversion == UInt8(ascii: "c") ? "x" : "12").utf8)
                    }
                } else {
                    result.append(byte)
                }
            }
            return String(decoding: result, as: UTF8.self)
        }
    }

    static let forms: [Form] = {
        let text = (try? String(contentsOfFile: GoldenLogs.folder + "/forms.tsv", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.enumerated().compactMap { number, line in
            let fields = line.split(separator: "\t", maxSplits: 4, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 5 else { return nil }
            return Form(number: number + 1, kind: fields[0], versions: fields[1], file: fields[2], call: fields[3], text: fields[4])
        }
    }()

    /// The kinds that a form is found as.
    static func kinds(_ form: Form) -> String {
        let kinds = KernelLog.splats(in: form.lines).map(\.kind.rawValue)
        return kinds.isEmpty ? "-" : kinds.joined(separator: "+")
    }

    @Test func theTableIsThere() {
        #expect(Self.forms.count >= 1000)
        #expect(Set(Self.forms.flatMap { $0.versions.split(separator: ",") }).isSuperset(of: ["6.12", "7.3"]))
        #expect(Set(Self.forms.map(\.kind)).count >= 20)
    }

    /// In one test: there are more than a thousand.
    @Test func eachFormIsWhatTheTableSays() {
        for form in Self.forms {
            let found = Self.kinds(form)
            #expect(found == form.kind, "\(form.number)\t\(found)\t\(form.file)\t\(form.call)\t\(form.text)")
        }
    }

    /// Where the code dumps the stack, the log is never clean.
    @Test func everyDumpIsFound() {
        let harmless = ["lib/fault-inject.c", "lib/nmi_backtrace.c"]
        for form in Self.forms where form.call.hasSuffix("+stack") && !harmless.contains(form.file) {
            #expect(form.kind != "-", "\(form.file): \(form.text)")
        }
    }
}

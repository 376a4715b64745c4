// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing
import TraceForms

extension EndToEnd {
    /// One set of events through every form that `ppiov check` reads: one verdict, and byte-identical accounts.
    @Suite struct TraceFormTests {
        /// What `ppiov check` prints about each file: the accounts, and the verdict without name and time.
        private static func reports(_ output: String) -> [String: String] {
            var reports: [String: String] = [:]
            var lines: [Substring] = []
            for line in output.split(separator: "\n") {
                guard line.hasPrefix("/"), let colon = line.range(of: ": ") else {
                    lines.append(line)
                    continue
                }
                let verdict = line[colon.upperBound...].split(separator: ";")[0]
                reports[String(line[..<colon.lowerBound])] = (lines + [verdict]).joined(separator: "\n")
                lines = []
            }
            return reports
        }

        /// Writes the events in every form; returns the paths.
        private static func write(_ seed: UInt64, marks: Bool, in folder: TemporaryFolder) async throws -> [String] {
            let events = Recording.events(seed, marks: marks)
            let pages = Recording.pages(events)
            var paths: [String] = []
            func add(_ name: String, _ bytes: [UInt8]) throws {
                paths.append("\(folder.path)/\(name)")
                try Data(bytes).write(to: URL(fileURLWithPath: folder.path + "/" + name))
            }
            let raw = try folder.makeFolder("pages")
            for (cpu, bytes) in pages { try Data(bytes).write(to: URL(fileURLWithPath: "\(raw)/cpu\(cpu).raw")) }
            for (name, text) in Texts.marked { try folder.write("pages/\(name).format", text.replacing("\n", with: "\r\n")) }
            paths.append(raw)
            try add("6.dat", try DatWriter { $0.version = "6" }.bytes([("", pages)]))
            try add("7-none.dat", try DatWriter().bytes([("", pages)]))
            for compression in RealCompression.allCases {
                try add("7-\(compression.rawValue).dat", try await DatWriter().bytes([("", pages)], compression))
            }
            for (index, form) in TextForm.all.enumerated() where form.hasMarks || !marks { try add("text-\(index)", form.text(events)) }
            return paths
        }

        @Test("every form of one recording has the same verdict and the same accounts", arguments: [(0, false), (8, true)] as [(UInt64, Bool)])
        func oneVerdict(_ seed: UInt64, _ marks: Bool) async throws {
            let folder = try TemporaryFolder()
            let paths = try await Self.write(seed, marks: marks, in: folder)
            let outcome = try await Product.run(["check", "--begin", "no-pools", "--end", "all"] + paths, in: try TemporaryFolder())
            #expect(outcome.code == 0, "\(outcome.errors)")
            let reports = Self.reports(outcome.output)
            let expected = try #require(reports[paths[0]])
            #expect(expected.contains("pool 0x") && expected.contains("ok: "))
            for path in paths { #expect(reports[path] == expected, "\(path)") }
            #expect(paths.count > 100)
        }

        @Test("two buffers of a trace.dat are two traces")
        func buffers() async throws {
            let folder = try TemporaryFolder()
            let whole = Recording.events(3, marks: false)
            var broken = Recording.events(4, marks: false)
            broken.remove(at: broken.count / 2)
            let buffers = [("", Recording.pages(whole)), ("net\u{1b}[31m", Recording.pages(broken))]
            for (name, bytes) in [
                ("6", try DatWriter { $0.version = "6" }.bytes(buffers)), ("7", try await DatWriter().bytes(buffers, .zstd)),
            ] {
                let path = folder.path + "/" + name
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                let outcome = try await Product.run(["check", path], in: try TemporaryFolder())
                #expect(outcome.code == 1)
                #expect(outcome.output.contains("\(path): ok: ") && outcome.output.contains("\(path), buffer net?[31m: BROKEN: "))
                #expect(!outcome.output.contains("\u{1b}"))
            }
        }

        @Test("a console with the output of ftrace_dump, and forms that are refused, by exit status")
        func statuses() async throws {
            let scratch = try TemporaryFolder()
            let line = "page_pool_state_hold: page_pool=00000000aa netmem=00000000b1 is_net_iov=1, pfn=0x0 hold=1"
            try scratch.write("context", line + "\n")
            try scratch.write("raw", "318 0 694260454254 type: 372\n")
            try scratch.write("graph", " 0)               |  /* \(line) */\n")
            try scratch.write("cut", "Dumping ftrace buffer:\r\n---------------------------------\r\n  nc-7  0..... 12us : \(line)\r\n")
            for (name, word) in [("context", "context-info"), ("raw", "raw, hex or bin"), ("graph", "function_graph")] {
                let outcome = try await Product.run(["check", name], in: scratch)
                #expect(outcome.code == 2)
                #expect(outcome.errors.contains(word), "\(outcome.errors)")
            }
            let cut = try await Product.run(["check", "cut"], in: scratch)
            #expect(cut.code == 2 && cut.output.contains("LOST: ") && cut.output.contains("ftrace_dump"))
        }
    }
}

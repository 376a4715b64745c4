// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Scenarios
import Synchronization
import Testing
import TestSupport

@testable import Harness

private let header = """
    SPDX-License-Identifier: GPL-2.0
    Subject: zcrx: lose it
    Class: leak
    Bug: The buffer is
     lost.
    Expect: page-pool: a pool does not end
    Filter: zcrx.idle zcrx.*

    """

private let diff = """
    --- a/net/core/x.c
    +++ b/net/core/x.c
    @@ -1,3 +1,3 @@
     one
    -two
    +three
     four

    """

@Suite struct MutantTests {
    private func parse(_ text: String) throws -> Mutant { try Mutant(text, path: "/m/007-lose.patch") }

    @Test func aMutantIsReadWithDefaults() throws {
        let mutant = try parse(header + diff)
        #expect(mutant.name == "007-lose")
        #expect(mutant.kind == .leak)
        #expect(mutant.bug == "The buffer is lost.")
        #expect(mutant.filter == ["zcrx.idle", "zcrx.*"])
        #expect(mutant.profile == "fast")
        #expect(mutant.only == nil)
        #expect(mutant.missed == nil)
        #expect(mutant.files == ["net/core/x.c"])
        #expect(mutant.patch == diff)
    }

    @Test func profileOnlyAndMissedAreRead() throws {
        let mutant = try parse(
            header.replacingOccurrences(of: "Class: leak", with: "Class: double return\nProfile: debug\nOnly: soak\nMissed: a race") + diff)
        #expect(mutant.kind == .doubleReturn)
        #expect(mutant.profile == "debug")
        #expect(mutant.only == .soak)
        #expect(mutant.missed == "a race")
    }

    @Test(arguments: ["Subject", "Class", "Bug", "Expect", "Filter"])
    func aHeaderWithoutARequiredKeyIsRefused(_ key: String) {
        let lines = header.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let without = lines.filter { !$0.hasPrefix(key + ":") && !(key == "Bug" && $0.hasPrefix(" ")) }.joined(separator: "\n")
        let error = #expect(throws: HarnessError.self) { try parse(without + diff) }
        #expect(error?.kind == .input)
        #expect(error?.message.contains(key) == true)
    }

    @Test(arguments: ["Class: leek", "Only: fast", "Colour: red", "no header at all", " begins with nothing", "Subject: twice"])
    func anUnknownHeaderLineIsRefused(_ line: String) {
        let text = line.hasPrefix("Class") ? header.replacingOccurrences(of: "Class: leak", with: line) : "\(line)\n\(header)"
        let error = #expect(throws: HarnessError.self) { try parse(text + diff) }
        #expect(error?.kind == .input)
        #expect(error?.message.hasPrefix("/m/007-lose.patch") == true)
    }

    @Test(arguments: [
        "../etc/x.c", "net/../../x.c", "/etc/x.c", "net//x.c", "./x.c", "", "..", "Makefile", "net/Kconfig", "scripts/mod/x.c", "tools/x.c",
        "net/core/x.S",
    ])
    func aPatchOfAnyOtherFileThanTheKernelsSourcesIsRefused(_ path: String) {
        let error = #expect(throws: HarnessError.self) { try parse(header + diff.replacingOccurrences(of: "net/core/x.c", with: path)) }
        #expect(error?.kind == .input)
    }

    @Test(arguments: [
        ("--- a/net/core/x.c", "--- /dev/null"), ("+++ b/net/core/x.c", "+++ /dev/null"), ("+++ b/net/core/x.c", "+++ b/net/core/y.c"),
        ("--- a/", "--- "), ("+++ b/net/core/x.c\n", ""), ("-1,3 +1,3", "-1,9 +1,9"), ("-1,3 +1,3", "-1,2 +1,2"), ("-1,3 +1,3", "-x +y"),
        ("-1,3 +1,3", "-1,-3 +1,3"), ("-two", "two"), ("-two\n+three", " two"),
        ("--- a/net/core/x.c", "rename from net/core/z.c\n--- a/net/core/x.c"),
        ("--- a/net/core/x.c", "diff --git a/net/core/x.c b/net/core/x.c\nold mode 100644\nnew mode 100755\n--- a/net/core/x.c"),
        (
            "--- a/net/core/x.c",
            "diff --git a/net/core/z.c b/net/core/z.c\nindex 123..456\ndiff --git a/net/core/x.c b/net/core/x.c\n--- a/net/core/x.c"
        ),
        (" four\n", " four\nA remark.\n"),
    ])
    func aMalformedDiffIsRefused(_ what: String, _ with: String) {
        let error = #expect(throws: HarnessError.self) { try parse(header + diff.replacingOccurrences(of: what, with: with)) }
        #expect(error?.kind == .input)
    }

    @Test func anEmptyDiffIsRefused() {
        for text in ["", header, header + "--- a/net/core/x.c\n+++ b/net/core/x.c\n", header + diff + diff, "\u{0}\u{1}\u{2}"] {
            let error = #expect(throws: HarnessError.self) { try parse(text) }
            #expect(error?.kind == .input)
        }
    }

    @Test func gitsOwnLinesAndSignatureAreAccepted() throws {
        let git = "diff --git a/net/core/x.c b/net/core/x.c\nindex 123..456 100644\n" + diff + "-- \n2.47.3\n"
        #expect(try parse(header + git).files == ["net/core/x.c"])
    }

    /// The forms in which a mutant's file may arrive; each is the same mutant, or refused with its line.
    @Test func aMutantIsReadByItsBytes() throws {
        let plain = try parse(header + diff)
        func same(_ text: String) throws {
            let mutant = try parse(text)
            #expect(mutant.patch == diff && mutant.subject == plain.subject && mutant.bug == plain.bug && mutant.filter == plain.filter)
        }
        try same((header + diff).replacing("\n", with: "\r\n"))
        try same(header.replacing("\n", with: "\r\n") + diff)
        // A CR of single lines is the source's.
        let carriage = diff.replacing("-two", with: "-two\r")
        #expect(Array(try parse(header + carriage).patch.utf8) == Array(carriage.utf8))
        let marked = diff.replacing("+three", with: "+t\u{301}hree")
        #expect(Array(try parse(header + marked).patch.utf8) == Array(marked.utf8))
        #expect(try parse(header.replacing("Bug: The", with: "Bug:\u{301} The") + diff).bug == "\u{301} The buffer is lost.")
        let long = String(repeating: "x", count: 10_000_000)
        #expect(try parse(header.replacing("is\n lost", with: "is\n \(long)") + diff).bug.utf8.count > 10_000_000)

        let scratch = try TemporaryFolder()
        func load(_ bytes: [UInt8]) throws -> [Mutant] {
            try Data(bytes).write(to: URL(fileURLWithPath: scratch.path + "/007-lose.patch"))
            return try Mutant.load(scratch.path)
        }
        let bytes = Array((header + diff).utf8)
        #expect(try load([0xef, 0xbb, 0xbf] + bytes).first?.patch == diff)
        for (bad, line) in [(bytes + [0], 15), ([0x23, 0xe9, 0x0a] + bytes, 1), ([0xff, 0xfe] + bytes, 1)] {
            let error = #expect(throws: HarnessError.self) { try load(bad) }
            #expect(error?.kind == .input)
            #expect(error?.message.hasPrefix("\(scratch.path)/007-lose.patch:\(line): ") == true, "\(error?.message ?? "")")
        }
    }

    @Test(arguments: 0..<200)
    func garbageIsRefusedAndNeverTraps(_ seed: Int) {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        var bytes = Array((header + diff).utf8)
        for _ in 0...next(4) { bytes[next(bytes.count)] = UInt8(next(256)) }
        bytes.removeSubrange(next(bytes.count)..<bytes.count)
        _ = try? parse(String(decoding: bytes, as: UTF8.self))
    }

    @Test func namesMatchByPatternAndNumber() throws {
        let mutant = try parse(header + diff)
        for glob in ["007", "7", "007-lose", "*lose", "0*"] { #expect(mutant.matches(glob)) }
        for glob in ["00", "", "lose", "008", "-7x"] { #expect(!mutant.matches(glob)) }
    }

    @Test func aFolderIsReadInTheOrderOfNamesAndAnEmptyOneIsRefused() throws {
        let scratch = try TemporaryFolder()
        try scratch.write("b/zcrx/refill/001-a.patch", header + diff)
        try scratch.write("b/002-b.patch", header + diff)
        try scratch.write("b/.old/003-c.patch", header + diff)
        try scratch.write("b/notes.txt", "no mutant")
        try scratch.write("c/x/001-a.patch", header + diff)
        try scratch.write("c/y/001-a.patch", header + diff)
        try scratch.write("empty/notes.txt", "no mutant")
        #expect(try Mutant.load(scratch.path + "/b").map(\.name) == ["001-a", "002-b"])
        #expect(try Mutant.load(scratch.path + "/b", matching: ["*b", "002"]).map(\.name) == ["002-b"])
        for (folder, globs) in [("b", ["9*"]), ("b", ["1", "9"]), ("none", []), ("empty", []), ("c", [])] {
            #expect(throws: HarnessError.self) { try Mutant.load(scratch.path + "/" + folder, matching: globs) }
        }
    }

    @Test func theMutantsOfTheRepositoryCanBeRead() throws {
        let mutants = try Mutant.load(Repository.path("mutants"))
        #expect(mutants.count >= 36)
        #expect(Set(mutants.map(\.kind)).count == Mutant.Class.allCases.count)
        #expect(Set(mutants.map(\.key)).count == mutants.count)
        // On the command line a number means one of them.
        #expect(Set(mutants.map(\.number)).count == mutants.count && !mutants.contains { $0.number == nil })
    }

    /// A scenario that is renamed or removed must not leave a mutant without scenarios.
    @Test func everyPatternOfTheRepositorysFiltersNamesAScenario() throws {
        for mutant in try Mutant.load(Repository.path("mutants")) {
            for glob in mutant.filter where Catalogue.select(glob, all: true).isEmpty && MutantDraw.scenarios(glob).isEmpty {
                Issue.record("\(mutant.path): Filter has \(glob), which names no scenario")
            }
        }
    }

    @Test func thePlaceOfAFailureIsReadFromPatchsOutput() {
        let output = ["$ patch -p1", "checking file net/core/x.c", "Hunk #1 succeeded at 3.", "Hunk #2 FAILED at 12.", "1 out of 2 hunks FAILED"]
        #expect(MutantTree.place(output) == "net/core/x.c: Hunk #2 FAILED at 12.")
        #expect(MutantTree.place(["nothing"]) == nil)
    }
}

@Suite struct MutantTreeTests {
    private let scratch: TemporaryFolder
    private let cache: Cache

    init() throws { (scratch, cache) = try TemporaryFolder.withSource() }

    private func tree() async throws -> MutantTree {
        let source = try await KernelSource(cache: cache, progress: .discarded).resolve(scratch.path + "/tree")
        return try await MutantTree(source, cache: cache, progress: .discarded)
    }

    private func mutant(_ diff: String) throws -> Mutant { try Mutant(header + diff, path: "/m/007-lose.patch") }

    @Test func aMutantIsAppliedAndRestoredAndTheOriginStays() async throws {
        let before = try scratch.snapshot("tree")
        let tree = try await tree()
        let file = tree.folder + "/net/core/x.c"
        FileStatus.setModified(file, FileStatus.now() - 100_000_000_000)
        let old = try #require(FileStatus(file)?.modified)
        try await tree.apply(mutant(diff))
        #expect(Files.text(file) == "one\nthree\nfour\n")
        let broken = try #require(FileStatus(file)?.modified)
        try tree.restore()
        #expect(Files.text(file) == "one\ntwo\nfour\n")
        let restored = try #require(FileStatus(file)?.modified)
        // make must compile it again both times.
        #expect(old < broken && broken <= restored)
        #expect(try scratch.snapshot("tree") == before)
    }

    @Test func aMutantOfAKilledRunIsRemoved() async throws {
        let first = try await tree()
        try await first.apply(mutant(diff))
        let second = try await tree()
        #expect(second.folder == first.folder)
        #expect(Files.text(second.folder + "/net/core/x.c") == "one\ntwo\nfour\n")
    }

    @Test func aMutantThatDoesNotApplyIsNamedAndChangesNothing() async throws {
        let tree = try await tree()
        let wrong = try mutant(diff.replacingOccurrences(of: "-two", with: "-zwei"))
        for work in [{ try await tree.check([wrong]) }, { try await tree.apply(wrong) }] {
            let error = await #expect(throws: HarnessError.self) { try await work() }
            #expect(error?.kind == .input)
            #expect(error?.message.contains("007-lose") == true)
            #expect(error?.message.contains("net/core/x.c: Hunk #1 FAILED") == true)
        }
        let elsewhere = try mutant(diff.replacingOccurrences(of: "x.c", with: "none.c"))
        let error = await #expect(throws: HarnessError.self) { try await tree.check([elsewhere]) }
        #expect(error?.message.contains("no net/core/none.c") == true)
        #expect(Files.text(tree.folder + "/net/core/x.c") == "one\ntwo\nfour\n")
        #expect(Files.names(in: tree.folder + "/net/core") == ["x.c"])
    }

    @Test func aChangedSourceIsCopiedAgain() async throws {
        let first = try await tree()
        try scratch.write("tree/net/core/x.c", "one\nfive\nfour\n")
        let second = try await tree()
        #expect(Files.text(second.folder + "/net/core/x.c") == "one\nfive\nfour\n")
        #expect(first.source(try mutant(diff)).identity != second.source(try mutant(diff)).identity)
    }

    @Test func mutantsAreDifferentSourcesInOneObjectFolder() async throws {
        let tree = try await tree()
        let one = tree.source(try mutant(diff))
        let two = tree.source(try mutant(diff.replacingOccurrences(of: "three", with: "five")))
        #expect(one.identity != two.identity)
        #expect(one.id == two.id)
        guard case .owned(_, let inputs) = one.material, case .owned(_, let others) = two.material else {
            Issue.record("not a folder of the harness")
            return
        }
        // A C file of the kernel reaches no module; a header does.
        #expect(inputs == others)
        let headers = try mutant(diff.replacingOccurrences(of: "net/core/x.c", with: "include/net/x.h"))
        guard case .owned(_, let changed) = tree.source(headers).material else { return }
        #expect(changed.module != inputs.module)
        #expect(changed.configuration == inputs.configuration)
    }
}

@Suite struct MutantResultTests {
    private func mutant(_ more: String = "") throws -> Mutant {
        try Mutant(header.replacingOccurrences(of: "Class: leak", with: "Class: leak" + more) + diff, path: "/m/007-lose.patch")
    }

    private func result(_ verdict: ScenarioResult.Verdict, _ findings: [Finding] = [], reason: String? = nil) -> ScenarioResult {
        ScenarioResult(scenario: "zcrx.idle", tier: .netdevsim, provider: .zcrx, verdict: verdict, reason: reason, findings: findings)
    }

    @Test func onlyAFailureOrACrashCatches() {
        #expect(FirstFailure(result(.pass)) == nil)
        #expect(FirstFailure(result(.skip, reason: "no")) == nil)
        let failed = FirstFailure(result(.fail, [Finding(oracle: .trace, message: "I7"), Finding(oracle: .counters, message: "2")]))
        #expect(failed?.oracle == .trace)
        #expect(failed?.message == "I7")
        #expect(FirstFailure(result(.crashed, reason: "hung"))?.oracle == .machine)
    }

    @Test func theTableCountsVerdicts() throws {
        func result(_ verdict: MutantResult.Verdict, _ more: String = "") throws -> MutantResult {
            var result = MutantResult(try mutant(more))
            result.verdict = verdict
            return result
        }
        let all = [
            try result(.caught), try result(.caught), try result(.flaky), try result(.missed), try result(.missed, "\nMissed: a race"),
            try result(.doesNotBuild), try result(.doesNotBoot),
        ]
        let totals = MutantTable(source: "folder:1", runs: 1, all).totals
        #expect(totals == .init(mutants: 7, caught: 2, flaky: 1, missed: 2, explained: 1, doesNotBuild: 1, doesNotBoot: 1, percent: 40))
        #expect(all.map(\.isGood) == [true, true, false, false, true, false, false])
        #expect(MutantTable(source: "", runs: 1, []).totals.percent == nil)
    }

    @Test func theLedgerSortsResultsThatArriveInAnyOrder() throws {
        let scratch = try TemporaryFolder()
        let mutants = try ["001-a", "002-b", "003-c"].map { try Mutant(header + diff, path: "/m/\($0).patch") }
        let reported = Mutex<[String]>([])
        let ledger = MutantLedger(mutants, source: "folder:1", runs: 2, folder: try ResultsFolder(scratch.path + "/out")) { result in
            reported.withLock { $0.append(result.name) }
        }
        #expect(ledger.table.mutants.isEmpty)
        for (index, verdict) in [(2, MutantResult.Verdict.caught), (0, .missed)] {
            var result = MutantResult(mutants[index])
            result.verdict = verdict
            try ledger.add(result)
        }
        #expect(reported.withLock { $0 } == ["003-c", "001-a"])
        #expect(ledger.table.mutants.map(\.name) == ["001-a", "003-c"])
        let written = try JSONDecoder().decode(MutantTable.self, from: Data(contentsOf: URL(fileURLWithPath: scratch.path + "/out/mutants.json")))
        #expect(written == ledger.table)
        #expect(written.totals.caught == 1)
    }

    @Test func scenariosThatTheUnmodifiedKernelPassedAreStoredAndAFailureThrows() throws {
        let scratch = try TemporaryFolder()
        let cache = Cache(root: scratch.path)
        func result(_ scenario: String, _ verdict: ScenarioResult.Verdict) -> ScenarioResult {
            ScenarioResult(scenario: scenario, tier: .netdevsim, provider: .zcrx, verdict: verdict, reason: nil, findings: [])
        }
        let base = try MutantBaseline(key: "k", cache: cache)
        #expect(base.proven.isEmpty)
        try base.note([result("a", .pass), result("b", .skip)], folder: "/r")
        let error = #expect(throws: HarnessError.self) { try base.note([result("c", .pass), result("d", .fail)], folder: "/r") }
        #expect(error?.kind == .harness)
        #expect(error?.evidence.count == 1)
        #expect(try MutantBaseline(key: "k", cache: cache).proven == ["a", "b", "c"])
        #expect(try MutantBaseline(key: "other", cache: cache).proven.isEmpty)
    }

    @Test func theFilterComesFirstAndEachScenarioOnce() throws {
        let (first, rest) = (MutantScenarios.first(try mutant()).map(\.id), MutantScenarios.rest(try mutant()).map(\.id))
        #expect(first.first == "zcrx.idle")
        #expect(first.allSatisfy { $0.hasPrefix("zcrx.") })
        #expect(Set(first + rest).count == first.count + rest.count)
        #expect(Set(first + rest).isSuperset(of: Catalogue.select(nil).map(\.id)))
        #expect(!(first + rest).contains { $0.hasPrefix("selftest.") })
    }

    /// A scenario that ends the unmodified kernel is no proof.
    @Test func noScenarioRunsThatEndsTheUnmodifiedKernel() throws {
        let broad = try Mutant(header.replacing("zcrx.idle zcrx.*", with: "traffic.*.urgent traffic.zcrx.s*") + diff, path: "/m/007-lose.patch")
        let first = MutantScenarios.first(broad).map(\.id)
        #expect(first.contains("traffic.zcrx.small") && !first.contains { $0.hasSuffix(".urgent") })
    }

    @Test func theSameSequencesAreDrawnEachTime() {
        let drawn = MutantDraw.scenarios("soak.*").map(\.id)
        #expect(drawn.count == 2 * MutantDraw.count)
        #expect(drawn == MutantDraw.scenarios("soak.*").map(\.id))
        #expect(MutantDraw.scenarios("soak.zcrx.*").allSatisfy { $0.id.hasPrefix("soak.zcrx.") })
        for glob in ["zcrx.*", "soak.", "*", "soak.zcrx.bind-end"] { #expect(MutantDraw.scenarios(glob).isEmpty) }
    }

    @Test func onlyWarningsAboutTheMutantsFilesCount() {
        let log = "net/ipv4/y.c:3:1: warning: unused\nnet/core/x.c:7:2: warning: no return\n"
        #expect(MutantSession.warning(log, in: ["net/core/x.c"]) == "net/core/x.c:7:2: warning: no return")
        #expect(MutantSession.warning(log, in: ["net/core/z.c"]) == nil)
    }
}

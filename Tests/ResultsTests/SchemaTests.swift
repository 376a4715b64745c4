// SPDX-License-Identifier: GPL-2.0

import FoundationEssentials
import Testing

@testable import Results

@Suite struct SchemaTests {
    private static let address: KernelAddress = 0xffff_8880_0487_0800
    /// All integers up to this one are exact as doubles.
    private static let largest = 1 << 53

    private static func result(_ pool: KernelAddress = address) -> ScenarioResult {
        let account = PoolAccount(
            pool: pool, provider: .zcrx, holds: 512, releases: 509, netIovHolds: 512, netIovReleases: 509, peakInflight: 512, inflight: 3,
            distinct: 512,
            mostHoldsOfOne: 1, freed: false, drainTime: 90_000_000_000, began: 86_400_000_000_000)
        let pool = PoolObservation(
            pool: PoolRecord(id: UInt64(UInt32.max), ifindex: 7, provider: .zcrx, inflight: 3, detached: true), peakInflight: 512, seenDetached: true,
            gone: false, drainTime: nil)
        return ScenarioResult(
            scenario: "zcrx.leak", tier: .netdevsim, provider: .zcrx, verdict: .fail,
            findings: [Finding(oracle: .trace, message: "pool \(account.pool): 3 in flight"), Finding(oracle: .isolatedRerun, message: "m")],
            accounts: [account], pools: [pool],
            payload: PayloadRecord(sent: 1 << 40, received: 1 << 40, zeroCopy: 1 << 40, copied: 0, firstMismatch: nil, complete: true),
            traceEvents: 1 << 30, seconds: 2.5)
    }

    @Test func anAddressIsText() throws {
        let text = String(decoding: try RunResult(toolVersion: "1", results: [Self.result()]).json(), as: UTF8.self)
        #expect(text.contains("\"pool\" : \"0xffff888004870800\"") && text.contains("\"schemaVersion\" : 2"))
        #expect(text.contains("\"oracle\" : \"isolated-rerun\""))
    }

    @Test(arguments: [address, KernelAddress(rawValue: .max), 0x20_0000_0000_0001, 0])
    func anAddressIsReadAsItWasWritten(_ address: KernelAddress) throws {
        let run = RunResult(toolVersion: "1", results: [Self.result(address)])
        #expect(try RunResult(json: run.json()) == run)
        #expect(KernelAddress("\(address)") == address)
    }

    @Test(arguments: ["", "0x", "ffff888004870800", "0xg", "0x1ffff888004870800", "-1"]) func noAddress(_ text: String) {
        #expect(KernelAddress(text) == nil)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(KernelAddress.self, from: Data("\"\(text)\"".utf8)) }
    }

    /// Addresses were numbers, and the name of the isolated rerun was "alone".
    @Test func schema1() throws {
        let run = RunResult(toolVersion: "0.1.0", results: [Self.result()])
        let old = String(decoding: try run.json(), as: UTF8.self)
            .replacing("\"0xffff888004870800\"", with: "18446612682145990656").replacing("\"schemaVersion\" : 2", with: "\"schemaVersion\" : 1")
            .replacing("\"isolated-rerun\"", with: "\"alone\"")
        #expect(Self.numbers(in: old).contains { $0 > Double(Self.largest) })
        #expect(try RunResult(json: Array(old.utf8)) == run)
    }

    /// jq and JavaScript read every number as a double.
    @Test func allNumbersAreExactAsDoubles() throws {
        let json = try RunResult(toolVersion: "1", results: [Self.result(), Self.result(KernelAddress(rawValue: .max))]).json()
        let numbers = Self.numbers(in: String(decoding: json, as: UTF8.self))
        #expect(numbers.count > 20 && numbers.allSatisfy { abs($0) <= Double(Self.largest) })
    }

    /// All numbers of a JSON document, outside of strings.
    private static func numbers(in json: String) -> [Double] {
        var isText = false
        var isEscaped = false
        let plain = json.map { character -> Character in
            defer { isEscaped = isText && character == "\\" && !isEscaped }
            if character == "\"", !isEscaped { isText.toggle() }
            return isText || !"0123456789+-.eE".contains(character) ? " " : character
        }
        return String(plain).split(separator: " ").compactMap { Double($0) }
    }

    @Test func anUnknownOracle() {
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(Oracle.self, from: Data("\"other\"".utf8)) }
        #expect(Set(Oracle.allCases.map(\.description)).count == Oracle.allCases.count)
    }

    /// The agent's event has the signs of a known bug as one string each.
    @Test func knownBug() throws {
        let bug = KnownBug(
            version: "7.2", reason: "r", sign: KnownBug.Sign(.kernelLog, "bug: kernel BUG at net/a.c:"), consequences: [KnownBug.Sign(.payload)],
            endsIn: "f")
        let json = try StableJSON.line(bug)
        #expect(
            String(decoding: json, as: UTF8.self)
                == #"{"consequences":["payload: "],"endsIn":"f","reason":"r","sign":"kernel-log: bug: kernel BUG at net/a.c:","version":"7.2"}"#)
        #expect(try JSONDecoder().decode(KnownBug.self, from: json) == bug)
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// A results folder as docs/results.md describes it, read without the product's types.
struct RunFiles {
    struct Results: Decodable {
        var schemaVersion: Int
        var toolVersion: String
        var totals: [String: Int]
        var results: [Result]
    }

    struct Result: Decodable {
        var scenario: String
        var tier: String
        var provider: String
        var verdict: String
        var reason: String?
        var findings: [Finding]
        var accounts: [Account]
        var pools: [Pool]
        var seconds: Double

        /// The messages of one oracle.
        func messages(_ oracle: String) -> [String] { findings.filter { $0.oracle == oracle }.map(\.message) }
    }

    struct Finding: Decodable {
        var oracle: String
        var message: String
        var evidence: [String]
    }

    struct Account: Decodable {
        /// "0xffff888004870800"
        var pool: String
        var provider: String
        var holds: UInt64
        var releases: UInt64
        var netIovHolds: UInt64
        var netIovReleases: UInt64
        var peakInflight: UInt64
        var freed: Bool
    }

    struct Pool: Decodable {
        struct Record: Decodable {
            var id: UInt64
            var provider: String
            var inflight: UInt64
            var detached: Bool
        }
        var pool: Record
        var peakInflight: UInt64
        var seenDetached: Bool
        var gone: Bool
    }

    struct Metadata: Decodable {
        struct Kernel: Decodable {
            var release: String
            var source: String
            var profile: String
            var compiler: String
            var configHash: String
            var vmlinux: String
        }
        struct Guest: Decodable {
            var kernelRelease: String
            var cpus: Int
        }
        var schemaVersion: Int
        var tool: String
        var kernel: Kernel
        var guest: Guest
        var image: String
        var accelerator: String
        var acceleratorReason: String?
        var qemuVersion: String
        var qemuCommandLine: [String]
        var isolation: String
        var timeoutScale: Double
        var reproduce: String
        var started: String
        var seconds: Double
    }

    let folder: String
    let results: Results
    /// Keeps the folder.
    private let scratch: TemporaryFolder

    init(_ scratch: TemporaryFolder) throws {
        self.scratch = scratch
        folder = scratch.results
        results = try JSONDecoder().decode(Results.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/results.json")))
        for name in ["results.json", "metadata.json"] { try Self.requirePreciseNumbers(in: folder + "/" + name) }
    }

    /// A reader with doubles as numbers, such as jq, would round this number.
    struct ImpreciseNumber: Error {
        var file: String
        var number: Double
    }

    /// - Throws: `ImpreciseNumber` for a number above 2^53.
    private static func requirePreciseNumbers(in file: String) throws {
        func visit(_ value: Any) throws {
            switch value {
            case let object as [String: Any]: try object.values.forEach(visit)
            case let array as [Any]: try array.forEach(visit)
            case let number as NSNumber where abs(number.doubleValue) > 0x1p53: throw ImpreciseNumber(file: file, number: number.doubleValue)
            default: break
            }
        }
        try visit(try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: file))))
    }

    func text(_ name: String) throws -> String { String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)), as: UTF8.self) }

    func console(_ scenario: String) throws -> String { try text("scenarios/\(scenario)/console.log") }

    func result(_ scenario: String) throws -> Result {
        try #require(results.results.first { $0.scenario == scenario }, "\(scenario) is not in results.json")
    }

    func metadata() throws -> Metadata {
        try JSONDecoder().decode(Metadata.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/metadata.json")))
    }

    /// Scenario and verdict, in order.
    var verdicts: [String] { results.results.map { "\($0.scenario) \($0.verdict)" } }
}

/// The elements of an XML document: names and attributes, in order.
final class XMLElements: NSObject, XMLParserDelegate {
    struct Element {
        var name: String
        var attributes: [String: String]
        var depth: Int
    }

    private(set) var all: [Element] = []
    private var depth = 0

    /// - Returns: nil where the text is not well-formed.
    static func read(_ text: String) -> [Element]? {
        let parser = XMLParser(data: Data(text.utf8))
        let elements = XMLElements()
        parser.delegate = elements
        return parser.parse() ? elements.all : nil
    }

    func parser(
        _ parser: XMLParser, didStartElement elementName: String, namespaceURI: String?, qualifiedName qName: String?,
        attributes attributeDict: [String: String]
    ) {
        all.append(Element(name: elementName, attributes: attributeDict, depth: depth))
        depth += 1
    }

    func parser(_ parser: XMLParser, didEndElement elementName: String, namespaceURI: String?, qualifiedName qName: String?) { depth -= 1 }
}

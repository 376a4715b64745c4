// SPDX-License-Identifier: GPL-2.0

import FoundationEssentials

/// results.json was written by a ppiov with another schema.
public struct UnsupportedSchema: Error, Equatable, Sendable, CustomStringConvertible {
    public let version: Int
    public var description: String { "results.json has schema version \(version); this ppiov reads \(RunResult.currentSchema)" }
}

extension RunResult {
    /// The bytes of results.json: indented, keys sorted, so that two runs can be compared with diff.
    public func json() throws -> [UInt8] {
        Array(try StableJSON.document(self))
    }

    /// Reads results.json. Throws `UnsupportedSchema`, or `DecodingError` where it is not one.
    public init(json: [UInt8]) throws {
        struct Version: Decodable { var schemaVersion: Int }
        let decoder = JSONDecoder()
        let version = try decoder.decode(Version.self, from: Data(json)).schemaVersion
        guard version == Self.currentSchema else { throw UnsupportedSchema(version: version) }
        self = try decoder.decode(Self.self, from: Data(json))
    }
}

// SPDX-License-Identifier: GPL-2.0

import FoundationEssentials

/// results.json was written by a ppiov with a schema that this one cannot read.
public struct UnsupportedSchema: Error, Equatable, Sendable, CustomStringConvertible {
    public let version: Int
    public var description: String {
        "results.json has schema version \(version); this ppiov reads versions \(RunResult.readableSchemas.lowerBound) to "
            + "\(RunResult.readableSchemas.upperBound): read it with the ppiov that wrote it (its version is toolVersion)"
    }
}

extension RunResult {
    /// Schemas that `init(json:)` reads. Schema 1 had addresses as numbers, and "alone" for the oracle isolated-rerun.
    static let readableSchemas = 1...currentSchema

    /// The bytes of results.json: indented, keys sorted, so that two runs can be compared with diff.
    public func json() throws -> [UInt8] {
        Array(try StableJSON.document(self))
    }

    /// Reads results.json. The result has the current schema, also where the file has an older one.
    ///
    /// - Throws: `UnsupportedSchema`, or `DecodingError` where it is no results.json.
    public init(json: [UInt8]) throws {
        struct Version: Decodable { var schemaVersion: Int }
        let decoder = JSONDecoder()
        let version = try decoder.decode(Version.self, from: Data(json)).schemaVersion
        guard Self.readableSchemas.contains(version) else { throw UnsupportedSchema(version: version) }
        self = try decoder.decode(Self.self, from: Data(json))
        schemaVersion = Self.currentSchema
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Remembers what a file was made from, so that it is not made again from the same.
///
/// The record holds the file's own hash too: a file that somebody else has changed or cut short counts as not made.
struct MadeRecord: Sendable {
    /// The file that was made.
    var product: String
    /// Where the record is kept.
    var record: String

    /// Changes with how the products are made.
    static let format = "1"

    private struct Content: Codable, Equatable {
        var format = MadeRecord.format
        var inputs: String
        var product: String
    }

    /// Whether `product` is there as it was made from these inputs.
    func isMade(from inputs: String) -> Bool {
        guard let data = FileManager.default.contents(atPath: record), let content = try? JSONDecoder().decode(Content.self, from: data),
            let hash = try? ContentHash.ofFile(product)
        else { return false }
        return content == Content(inputs: inputs, product: hash)
    }

    /// To be called before the product is made anew: what is interrupted must not be taken for whole.
    func forget() throws { try Disk.remove(record) }

    func remember(_ inputs: String) throws {
        let content = Content(inputs: inputs, product: try ContentHash.ofFile(product))
        let data = try Disk.trying("encode \(record)") { try JSONEncoder().encode(content) }
        try Disk.write(data, to: record)
    }
}

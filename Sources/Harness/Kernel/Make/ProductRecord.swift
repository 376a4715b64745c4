// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A record of the inputs that a file was made from. While they are the same, the file is not made again.
///
/// The record also has the hash of the file: a file that another program changed or truncated is made again.
struct ProductRecord: Sendable {
    /// The file.
    var product: String
    /// The file of the record.
    var record: String

    /// To be changed when products are made in another way.
    static let format = "1"

    private struct Content: Codable, Equatable {
        var format = ProductRecord.format
        var inputs: String
        var product: String
    }

    /// Whether `product` is unchanged since it was made, and was made from these inputs.
    func isCurrent(_ inputs: String) -> Bool {
        guard let data = FileManager.default.contents(atPath: record), let content = try? JSONDecoder().decode(Content.self, from: data),
            let hash = try? ContentHash.ofFile(product)
        else { return false }
        return content == Content(inputs: inputs, product: hash)
    }

    /// Removes the record. To be called before the product is made again: one that is interrupted must not count as complete.
    func invalidate() throws { try Files.remove(record) }

    /// Writes the record of a product that was made from these inputs.
    func save(_ inputs: String) throws {
        let content = Content(inputs: inputs, product: try ContentHash.ofFile(product))
        try Files.write(json: content, to: record)
    }
}

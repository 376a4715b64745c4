// SPDX-License-Identifier: GPL-2.0

/// The contract tables, newest kernel first: the files of `Tables/`, which are compiled into the agent (docs/contracts.md).
enum ContractTables {
    static let all: [(version: String, text: String)] = [
        ("7.3", text(PackageResources.linux_7_3_txt)), ("7.2", text(PackageResources.linux_7_2_txt)),
    ]

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

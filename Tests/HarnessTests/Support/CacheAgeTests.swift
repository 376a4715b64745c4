// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

@Suite struct CacheAgeTests {
    private let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    private func make(_ name: String, hours: Int64) throws {
        try scratch.write("c/\(name)/memory", "m")
        scratch.age("c/\(name)", seconds: hours * 3600)
    }

    private var names: [String] { Files.names(in: scratch.path + "/c") }

    @Test func theLeastRecentlyUsedAreRemoved() throws {
        for number in 0..<CacheAge.kept + 5 { try make(String(format: "%02d", number), hours: 100 + Int64(number)) }
        try make("x.lock", hours: 1000)
        CacheAge.use(scratch.path + "/c/20")
        CacheAge.prune(scratch.path + "/c") { !$0.contains(".") }
        #expect(names == (0..<CacheAge.kept - 1).map { String(format: "%02d", $0) } + ["20", "x.lock"])
    }

    @Test func entriesUsedTodayStay() throws {
        for number in 0..<CacheAge.kept + 5 { try make("\(number)", hours: Int64(number)) }
        CacheAge.prune(scratch.path + "/c") { !$0.contains(".") }
        #expect(names.count == CacheAge.kept + 5)
        CacheAge.prune(scratch.path + "/gone") { _ in true }
    }
}

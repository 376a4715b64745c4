// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Reports the progress of a make: it counts the steps that are added to its log.
enum MakeProgress {
    /// Runs `body` and meanwhile reports every `interval` steps of Kbuild's output.
    static func following(_ log: String, interval: Int = 100, progress: Progress, _ body: @escaping @Sendable () async throws -> Void) async throws {
        let start = UInt64(FileStatus(log)?.size ?? 0)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                try await follow(log, from: start, interval: interval, progress: progress)
                return false
            }
            while let isBody = try await group.next() {
                if isBody { group.cancelAll() }
            }
        }
    }

    private static func follow(_ log: String, from start: UInt64, interval: Int, progress: Progress) async throws {
        var offset = start
        var steps = 0
        var reported = 0
        while !Task.isCancelled {
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
            guard let handle = FileHandle(forReadingAtPath: log) else { continue }
            defer { try? handle.close() }
            try? handle.seek(toOffset: offset)
            guard let data = try? handle.readToEnd(), let end = data.lastIndex(of: UInt8(ascii: "\n")) else { continue }
            let whole = data[data.startIndex...end]
            offset += UInt64(whole.count)
            steps += KernelMake.steps(in: String(decoding: whole, as: UTF8.self))
            if steps / interval > reported / interval {
                reported = steps
                progress.report("compiling: \(steps / interval * interval) steps done")
            }
        }
    }
}

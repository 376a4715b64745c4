// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A source with a series, to be built after any of its patches.
public struct SeriesSource: Sendable {
    /// The source without the series.
    let base: ResolvedSource
    public let series: PatchSeries
    let applied: AppliedSeries

    /// The name of the unpatched source in results.
    public var baseIdentity: String { base.identity }

    /// The source after the first `count` patches.
    func source(after count: Int) throws -> ResolvedSource { try base.with(applied.overlay(after: count) ?? Overlay()) }

    /// Reads a series, applies it in a repository of the harness, and calls `body`. It does not change the source or its copies.
    ///
    /// - Parameter paths: files and folders of patches.
    /// - Throws: `HarnessError` of kind `.input` where the series cannot be read or does not apply.
    static func with<Value>(
        _ paths: [String], over source: String, cache: Cache, progress: Progress, _ body: (SeriesSource) async throws -> Value
    ) async throws -> Value {
        if paths.contains("-") { progress.report("reading the series from standard input") }
        let series = try await SeriesReader(cache: cache).read(paths)
        for note in series.notes { progress.report(note) }
        let sources = KernelSource(cache: cache, progress: progress)
        let base = try await sources.resolve(source)
        // Throws now for a source that cannot have patches, and not after it is unpacked.
        _ = try base.with(Overlay())
        let stated = SeriesBase(series.base)
        if let note = await stated.note(on: base, here: FileManager.default.currentDirectoryPath) { progress.report(note) }
        let place = try SeriesFolder(cache)
        defer { place.remove() }
        let applied = try await sources.reading(base) { folder, objects in
            let repository = try await SeriesRepository(in: place.path, base: folder, name: base.path ?? base.identity, objects: objects)
            return try await repository.apply(series)
        }
        for (index, state) in applied.states.enumerated() where state.note != nil {
            progress.report("patch \(index + 1), \"\(state.patch.subject)\": \(state.note ?? "")")
        }
        return try await body(SeriesSource(base: base, series: series, applied: applied))
    }
}

extension SeriesBase {
    /// What the mails state.
    init(_ stated: PatchBase) {
        // It becomes an argument of git.
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/+-")
        let branch = stated.branch.flatMap { name in name.allSatisfy(plain.contains) && name.first != "-" ? name : nil }
        self.init(commit: stated.commit, tree: stated.trees.first, branch: branch)
    }
}

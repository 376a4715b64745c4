// SPDX-License-Identifier: GPL-2.0

extension KernelBuilder {
    /// Builds the kernel of a request with the patches of its series, or returns the one that was built before from the same source, options,
    /// compiler and patches.
    ///
    /// - Throws: `HarnessError`: of kind `.input` for a source, profile, option or series that is not valid; of kind `.harness` where the
    ///   build fails, with the first compiler errors. `CancellationError` once the compilers have ended.
    public func build(_ request: KernelRequest) async throws -> KernelBuild {
        guard !request.series.isEmpty else { return try await build(request, of: try await resolve(request)) }
        return try await SeriesSource.with(request.series, over: request.source, cache: cache, progress: progress) { source in
            let count = source.series.patches.count
            progress.report("\(count) patch\(count == 1 ? "" : "es") of \(request.series.joined(separator: ", ")) on \(source.baseIdentity)")
            return try await build(request, of: try source.source(after: count))
        }
    }
}

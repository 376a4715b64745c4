// SPDX-License-Identifier: GPL-2.0

/// Builds kernels one at a time, and some of them before they are needed.
actor BuildAhead {
    private let make: @Sendable (_ commit: String, _ ahead: Bool) async throws -> KernelBuild
    private var started: [(commit: String, task: Task<KernelBuild, any Error>)] = []

    init(_ make: @escaping @Sendable (_ commit: String, _ ahead: Bool) async throws -> KernelBuild) { self.make = make }

    /// The kernel of a commit, built ahead or now. Builds ahead of other commits are cancelled.
    ///
    /// - Throws: what building throws; `CancellationError`.
    func kernel(_ commit: String) async throws -> KernelBuild {
        guard let index = started.firstIndex(where: { $0.commit == commit }) else {
            await stop()
            return try await make(commit, false)
        }
        let task = started.remove(at: index).task
        await stop()
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    /// Starts to build commits, one after the other.
    func start(_ commits: [String]) {
        var before = started.last?.task
        for commit in commits where !started.contains(where: { $0.commit == commit }) {
            let (previous, make) = (before, make)
            let task = Task {
                _ = await previous?.result
                try Task.checkCancellation()
                return try await make(commit, true)
            }
            started.append((commit, task))
            before = task
        }
    }

    /// Cancels what is being built ahead, and waits for its end.
    func stop() async {
        let cancelled = started
        started = []
        for (_, task) in cancelled { task.cancel() }
        for (_, task) in cancelled { _ = await task.result }
    }
}

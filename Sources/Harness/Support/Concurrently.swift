// SPDX-License-Identifier: GPL-2.0

/// Runs `body` for each element, at most `limit` at a time.
///
/// The first error ends it: what still runs is cancelled and awaited.
///
/// - Parameters:
///   - limit: 1 where it is less.
///   - isEnough: called with each result as it arrives. Once it returns true, no further element is started; those that run finish.
/// - Returns: the results of the elements that were started, in the order of the elements.
/// - Throws: what `body` throws; `CancellationError`.
@discardableResult
func concurrently<Elements: Sequence, Value: Sendable>(
    _ elements: Elements, limit: Int, until isEnough: (Value) -> Bool = { _ in false },
    _ body: @escaping @Sendable (Elements.Element) async throws -> Value
) async throws -> [Value] where Elements.Element: Sendable {
    try await withThrowingTaskGroup(of: (Int, Value).self) { group in
        var waiting = elements.enumerated().makeIterator()
        var results: [(index: Int, value: Value)] = []
        var enough = false
        func start() {
            guard !enough, let (index, element) = waiting.next() else { return }
            group.addTask { (index, try await body(element)) }
        }
        for _ in 0..<max(1, limit) { start() }
        while let result = try await group.next() {
            results.append(result)
            if isEnough(result.1) { enough = true }
            start()
        }
        return results.sorted { $0.index < $1.index }.map(\.value)
    }
}

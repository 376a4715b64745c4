// SPDX-License-Identifier: GPL-2.0

internal import LifeCycle
public import Results

/// One scenario under way: collects the evidence and takes down what was put up, last in, first out.
public final class ScenarioRun {
    public let scenario: Scenario
    public let pools: PoolWatch
    public let environment: TestEnvironment
    public var payload: PayloadRecord?
    public private(set) var steps: [StepRecord] = []
    private let scale: Double
    private let report: (StepRecord) -> Void
    private let mark: (String) throws -> Void
    private var holding = false
    private var cleanUps: [(name: String, body: () throws -> Void)] = []

    /// - Parameters:
    ///   - scale: deadlines are multiplied by it.
    ///   - mark: writes a line into the trace.
    ///   - report: told of every step as it is done.
    public init(
        _ scenario: Scenario, environment: TestEnvironment, pools: PoolWatch, scale: Double,
        mark: @escaping (String) throws -> Void, report: @escaping (StepRecord) -> Void
    ) {
        self.scenario = scenario
        self.environment = environment
        self.pools = pools
        self.scale = scale
        self.mark = mark
        self.report = report
    }

    /// Seconds to wait for something that an idle machine does in `seconds` at the most.
    public func timeout(_ seconds: Double) -> Double { seconds * scale }

    /// Does one thing, and notes that it was done or how it failed.
    @discardableResult
    func step<Value: ~Copyable>(_ name: String, _ body: () throws -> Value) throws -> Value {
        do {
            let value = try body()
            note(StepRecord(name: name, ok: true))
            return value
        } catch let skip as ScenarioSkip {
            throw skip
        } catch {
            note(StepRecord(name: name, ok: false, detail: "\(error)"))
            throw ScenarioFailure("\(name): \(error)")
        }
    }

    /// Does one thing that is worth a number, and notes that it was done with what it says of itself.
    func measuredStep(_ name: String, _ body: () throws -> String) throws {
        do {
            note(StepRecord(name: name, ok: true, detail: try body()))
        } catch {
            note(StepRecord(name: name, ok: false, detail: "\(error)"))
            throw ScenarioFailure("\(name): \(error)")
        }
    }

    /// Fails the scenario unless `condition` holds.
    func expect(_ condition: Bool, _ name: String, _ detail: @autoclosure () -> String) throws {
        note(StepRecord(name: name, ok: condition, detail: condition ? nil : detail()))
        if !condition { throw ScenarioFailure("\(name): \(detail())") }
    }

    /// Says in the trace that a provider was bound.
    func userBound() throws { try mark(TraceEvent.Mark.bound.line()) }

    /// Says in the trace that user space has this many net_iovs from now on, after it was given them or before it gives any back.
    func userHolds(_ count: Int) throws {
        holding = count > 0
        try mark(TraceEvent.Mark.userHeld.line(UInt32(clamping: count)))
    }

    /// Says in the trace that user space is about to close, or to be killed, and has nothing any more.
    func userEnds(killed: Bool = false) throws {
        holding = false
        try mark((killed ? TraceEvent.Mark.killed : .closed).line())
    }

    /// Has `body` done when the scenario is over, however it ends. One that fails is a failed step.
    func cleanUp(_ name: String, _ body: @escaping () throws -> Void) { cleanUps.append((name, body)) }

    /// Takes everything down, each even where another failed.
    ///
    /// - Returns: what went wrong with the first that failed.
    public func takeDown() -> String? {
        var failure: String?
        // A scenario that failed half-way closes here what it said it held.
        if holding { try? userEnds() }
        while let (name, body) = cleanUps.popLast() {
            do {
                try body()
            } catch {
                note(StepRecord(name: name, ok: false, detail: "\(error)"))
                failure = failure ?? "\(name): \(error)"
            }
        }
        return failure
    }

    private func note(_ step: StepRecord) {
        steps.append(step)
        report(step)
    }
}

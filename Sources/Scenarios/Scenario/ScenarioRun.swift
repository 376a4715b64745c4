// SPDX-License-Identifier: GPL-2.0

internal import LifeCycle
public import Results

/// One run of a scenario: collects the evidence, and does the clean-up, last in, first out.
public final class ScenarioRun {
    public let scenario: Scenario
    public let pools: PoolWatch
    public let environment: TestEnvironment
    public var payload: PayloadRecord?
    public private(set) var steps: [StepRecord] = []
    private let scale: TimeoutScale
    private let report: (StepRecord) -> Void
    private let mark: (String) throws -> Void
    private var holding = false
    private var cleanUps: [(name: String, body: () throws -> Void)] = []

    /// - Parameters:
    ///   - scale: deadlines are multiplied by it.
    ///   - mark: writes a line into the trace.
    ///   - report: called with every step when it is done.
    public init(
        _ scenario: Scenario, environment: TestEnvironment, pools: PoolWatch, scale: TimeoutScale,
        mark: @escaping (String) throws -> Void, report: @escaping (StepRecord) -> Void
    ) {
        self.scenario = scenario
        self.environment = environment
        self.pools = pools
        self.scale = scale
        self.mark = mark
        self.report = report
    }

    /// Seconds to wait on this machine for what an idle machine does within `seconds`.
    public func timeout(_ seconds: Double) -> Double { scale.seconds(seconds) }

    /// Does one step, and records that it succeeded or how it failed.
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

    /// Does one step and records the measured value that it returns.
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

    /// Marks in the trace that a provider was bound.
    func userBound() throws { try mark(TraceEvent.Mark.bound.line()) }

    /// Marks in the trace how many net_iovs user space holds from now on: after it has received them, or before it returns any.
    func userHolds(_ count: Int) throws {
        holding = count > 0
        try mark(TraceEvent.Mark.userHeld.line(UInt32(clamping: count)))
    }

    /// Marks in the trace that user space is about to close, or to be killed, and holds nothing any more.
    func userEnds(killed: Bool = false) throws {
        holding = false
        try mark((killed ? TraceEvent.Mark.killed : .closed).line())
    }

    /// Registers `body` to be done when the scenario is over, however it ends. A clean-up that fails is a failed step.
    func cleanUp(_ name: String, _ body: @escaping () throws -> Void) { cleanUps.append((name, body)) }

    /// Does every clean-up, also where another failed.
    ///
    /// - Returns: the error of the first that failed.
    public func takeDown() -> String? {
        var failure: String?
        // A scenario that failed half-way has not marked the end of what it holds.
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

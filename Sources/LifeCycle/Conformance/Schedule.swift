// SPDX-License-Identifier: GPL-2.0

/// A random legal run of the model, and the trace that a kernel would record of it.
///
/// It tests the checker: the checker must accept every trace of a legal run.
public struct Schedule: Sendable {
    /// The configuration of the run, without symmetry.
    public var configuration: Configuration
    /// The steps of the run, in order.
    public private(set) var steps: [Step] = []
    /// The trace of the run, in the order of time.
    public private(set) var events: [TraceEvent] = []

    /// The most steps after `length`. Without a fault the run ends earlier.
    private static let mostExtraSteps = 10_000

    /// Runs the model until no step is left or, if a fault prevents that, up to a bound.
    ///
    /// - Parameters:
    ///   - length: steps of the run before its teardown; after that, steps that release buffers are preferred.
    ///   - time: of the first event; trace clock, nanoseconds.
    ///   - base: addresses of pools and net_iovs start here; the same base gives the same addresses.
    ///   - random: draws the steps.
    public init<Random: RandomNumberGenerator>(
        _ configuration: Configuration, length: Int, time: UInt64 = 1_000_000, base: UInt64 = 0xffff_8880_0000_0000,
        using random: inout Random
    ) {
        var plain = configuration
        plain.symmetry = false
        self.configuration = plain
        var recorder = ScheduleRecorder(plain, time: time, base: base)
        let transitions = Transitions(plain)
        var state = ModelState(initial: plain)
        while steps.count < length + Self.mostExtraSteps {
            var choices = Choices()
            transitions.forEach(from: state, into: &choices)
            guard let chosen = choices.pick(ending: steps.count >= length, using: &random) else { break }
            recorder.record(chosen.step, from: state, to: chosen.state, using: &random)
            steps.append(chosen.step)
            state = chosen.state
        }
        events = recorder.events
    }
}

/// The steps that can be taken from one state.
private struct Choices: SuccessorSink {
    var all: [(state: ModelState, step: Step)] = []

    mutating func add(_ state: ModelState, _ step: Step) { all.append((state, step)) }

    /// Draws a step. Teardown is rare before `ending`; after it, no new reference is taken as long as another step is left.
    func pick<Random: RandomNumberGenerator>(ending: Bool, using random: inout Random) -> (state: ModelState, step: Step)? {
        let finishing = all.filter { !$0.step.kind.addsHolder }
        let working = all.filter { !$0.step.kind.tearsDown }
        let pool = ending ? (finishing.isEmpty ? all : finishing) : (working.isEmpty || Int.random(in: 0..<64, using: &random) == 0 ? all : working)
        return pool.randomElement(using: &random)
    }
}

extension Step.Kind {
    /// A buffer gets one more holder, or a pool is made.
    fileprivate var addsHolder: Bool {
        switch self {
        case .allocate, .takeFromCache, .takeFromRing, .refillReuse, .copyFallback, .takeReference, .startDelivery, .post, .restart: true
        default: false
        }
    }

    /// The step is part of the teardown.
    fileprivate var tearsDown: Bool {
        switch self {
        case .restart, .close, .dropHandle, .closeSocket, .removeDevice, .freeProvider: true
        default: false
        }
    }
}

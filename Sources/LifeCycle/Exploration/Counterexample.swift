// SPDX-License-Identifier: GPL-2.0

/// A shortest path to a broken invariant, step by step. Each buffer has the same name in every step.
public struct Counterexample: Sendable {
    public var configuration: Configuration
    public var invariant: Invariant
    public var steps: [Line]
    /// How the last state breaks the invariant.
    public var finding: String

    /// One step.
    public struct Line: Equatable, Sendable {
        public var kind: Step.Kind
        /// The actor: NAPI, Stack, Reader, ...
        public var actor: String
        /// What the actor does, with the names of buffers and pools.
        public var text: String
        /// The kernel function that does it.
        public var function: String
        /// The buffers and pools that the step changed, in their new state.
        public var change: String
    }

    /// - Parameter path: states, the initial one first, each in the explorer's form (canonical with symmetry).
    init(_ configuration: Configuration, _ invariant: Invariant, _ path: [ModelState]) {
        self.configuration = configuration
        self.invariant = invariant
        var concrete = ModelState(initial: configuration)
        var plain = configuration
        plain.symmetry = false
        let transitions = Transitions(plain)
        let narrator = Narrator(configuration: configuration)
        steps = []
        for target in path.dropFirst() {
            var match = Match(target: target, configuration: configuration)
            transitions.forEach(from: concrete, into: &match)
            guard let (next, step) = match.found else { break }
            steps.append(narrator.line(step, from: concrete, to: next))
            concrete = next
        }
        finding = narrator.finding(invariant, concrete)
    }

    /// Which of the two faults named in RFC v3 03/20 this is; nil for other designs.
    public var rfcFault: Int? {
        guard configuration.design == .beforeRework else { return nil }
        return invariant == .allReleased && configuration.provider == .zcrx ? 1 : 2
    }

    /// Numbered steps, then the finding.
    public var text: String {
        let width = steps.map { $0.actor.count }.max() ?? 0
        let digits = String(steps.count).count
        var lines: [String] = []
        for (index, step) in steps.enumerated() {
            let number = String(index + 1)
            let head =
                String(repeating: " ", count: digits - number.count) + number + ". "
                + step.actor + String(repeating: " ", count: width - step.actor.count) + "  "
            lines.append("  " + head + step.text + (step.function.isEmpty ? "" : "  [\(step.function)]"))
            if !step.change.isEmpty { lines.append("  " + String(repeating: " ", count: head.count + 2) + step.change) }
        }
        lines.append("  => " + finding)
        return lines.joined(separator: "\n")
    }

    /// The same as a Mermaid sequence diagram.
    public var mermaid: String {
        var lines = ["sequenceDiagram"]
        var named: [String] = []
        for step in steps where !named.contains(step.actor) { named.append(step.actor) }
        for name in named { lines.append("  participant \(name)") }
        lines.append("  participant Pool")
        for step in steps {
            lines.append("  \(step.actor)->>Pool: \(Self.plain(step.text))")
            if !step.change.isEmpty { lines.append("  Note right of Pool: \(Self.plain(step.change))") }
        }
        lines.append("  Note over \(named.first ?? "Pool"),Pool: \(invariant.rawValue) is broken: \(Self.plain(finding))")
        return lines.joined(separator: "\n")
    }

    /// Mermaid ends a message at a semicolon or a number sign.
    private static func plain(_ text: String) -> String {
        String(text.map { $0 == ";" ? "," : $0 == "#" ? " " : $0 })
    }
}

/// The first successor that is the target, in its own form.
private struct Match: SuccessorSink {
    let target: ModelState
    let configuration: Configuration
    var found: (ModelState, Step)?

    init(target: ModelState, configuration: Configuration) {
        self.target = target
        self.configuration = configuration
    }

    mutating func add(_ state: ModelState, _ step: Step) {
        if found == nil && state.form(for: configuration) == target { found = (state, step) }
    }
}

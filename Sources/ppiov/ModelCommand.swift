// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Foundation
import Harness
import LifeCycle

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Explore the life cycle of memory-provider buffers, every interleaving of it.",
        discussion: """
            The model knows three designs: beforeRework (what RFC v3 03/20 found), rework (what it proposed) and unifiedRefCount \
            (what mainline does). For each provider it walks every state that NAPI, the stack, a socket's reader, the user, a \
            closing ring or socket, queue restarts, device removal and the pool's own worker can bring about within the bounds, \
            holds it against the invariants I1 to I7, and prints the shortest way to each that breaks. docs/model.md explains \
            states, steps and invariants.

            --fault makes one mistake in the kernel's place, to see it found; --prove-faults makes each of them on every design \
            and provider that it applies to, and ends with 1 where one goes unfound.

            EXIT STATUS
              0    no invariant breaks (--prove-faults: every fault was found)
              1    one does (--prove-faults: a fault was not found)
              2    bad usage
              3    memory ended before every state was seen
            """)

    @Option(
        help: ArgumentHelp("The design: beforeRework, rework, unifiedRefCount; may be repeated. (default: all)", valueName: "name"),
        transform: { try Self.named($0) })
    var design: [Design] = []

    @Option(
        help: ArgumentHelp("The provider: none, devmem, zcrx; may be repeated. (default: all)", valueName: "name"),
        transform: { try Self.named($0) })
    var provider: [ModelProvider] = []

    @Option(help: ArgumentHelp("A mistake to make; --list-faults names them.", valueName: "name"))
    var fault: String?

    @Flag(help: "Name the faults, and the designs and providers that they apply to.")
    var listFaults = false

    @Flag(help: "Make every fault in turn, and say how each was found.")
    var proveFaults = false

    @Option(help: ArgumentHelp("net_iovs of the provider, 1 to 4.", valueName: "n"))
    var buffers = 3

    @Option(help: ArgumentHelp("Pools that the queue has in turn, 1 to 3: one more than restarts.", valueName: "n"))
    var pools = 2

    @Option(help: ArgumentHelp("References of the stack to one buffer, 1 to 3.", valueName: "n"))
    var stackReferences = 2

    @Option(help: ArgumentHelp("References of the user to one buffer, 0 to 3.", valueName: "n"))
    var userReferences = 2

    @Option(help: ArgumentHelp("Buffers that a pool's ring takes before they go back to the provider, 0 to 4.", valueName: "n"))
    var ringCapacity = 1

    @Option(help: ArgumentHelp("Puts that can be under way at once, each on a CPU of its own, 1 to 3.", valueName: "n"))
    var concurrentPuts = 2

    @Flag(inversion: .prefixedNo, help: "zcrx: the user puts buffers into the refill ring that it does not have.")
    var hostile = true

    @Flag(help: "Hold against mainline's devmem what it is known to get wrong; see docs/model.md.")
    var strict = false

    @Flag(inversion: .prefixedNo, help: "Take states that differ only in which buffer is which for one.")
    var symmetry = true

    @Option(help: ArgumentHelp("Memory for the states; where it ends, so does the exploration.", valueName: "MiB"))
    var memory = 4096

    @Flag(help: "Print counterexamples as Mermaid sequence diagrams, too.")
    var mermaid = false

    @Flag(name: .shortAndLong, help: "No counterexamples, only the table.")
    var quiet = false

    func validate() throws {
        func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
            guard range.contains(value) else {
                throw ValidationError("--\(name) takes \(range.lowerBound) to \(range.upperBound), not \(value)")
            }
        }
        try check("buffers", buffers, 1...Configuration.maximumBuffers)
        try check("pools", pools, 1...Configuration.maximumPools)
        try check("stack-references", stackReferences, 1...Configuration.maximumReferences)
        try check("user-references", userReferences, 0...Configuration.maximumReferences)
        try check("ring-capacity", ringCapacity, 0...Configuration.maximumBuffers)
        try check("concurrent-puts", concurrentPuts, 1...Configuration.maximumPuts)
        try check("memory", memory, 16...1_048_576)
        if let fault, Fault(name: fault) == nil {
            throw ValidationError("there is no fault \"\(fault)\"; --list-faults names them")
        }
        guard fault == nil || !proveFaults else { throw ValidationError("--fault makes one mistake, --prove-faults all of them") }
    }

    func run() throws {
        if listFaults { return list() }
        try Failure.reporting(plain: { proveFaults ? prove() : explore() })
    }

    // MARK: -

    private static func named<Value: RawRepresentable<String> & CaseIterable>(_ name: String) throws -> Value {
        if let value = Value(rawValue: name) { return value }
        throw ValidationError("there is \(Value.allCases.map(\.rawValue).joined(separator: ", ")), and no \"\(name)\"")
    }

    private func list() {
        let width = Fault.allCases.map { $0.rawValue.count }.max() ?? 0
        for fault in Fault.allCases {
            let where_ = targets(fault).map { "\($0.rawValue)/\($1.rawValue)" }.joined(separator: " ")
            Console.output(padded(fault.rawValue, width) + "  " + where_ + "\n")
        }
    }

    private func explore() -> Int32 {
        let fault = fault.flatMap(Fault.init(name:))
        let chosen = targets(fault)
        guard !chosen.isEmpty else {
            Console.error("ppiov: the fault \(self.fault ?? "") has nothing to break there; --list-faults says where it applies")
            return HarnessError.Kind.input.rawValue
        }
        var broken = 0
        var partial = 0
        for (design, provider) in chosen {
            let (exploration, seconds) = timed(configuration(design, provider, fault), stopsAtFirst: false)
            report(exploration, seconds)
            broken += exploration.counterexamples.count
            if exploration.end == .outOfMemory { partial += 1 }
        }
        return broken > 0 ? 1 : partial > 0 ? HarnessError.Kind.harness.rawValue : 0
    }

    private func prove() -> Int32 {
        let width = Fault.allCases.map { $0.rawValue.count }.max() ?? 0
        var missed = 0
        var partial = 0
        var made = 0
        for fault in Fault.allCases {
            for (design, provider) in targets(fault) {
                let (exploration, _) = timed(configuration(design, provider, fault), stopsAtFirst: true)
                made += 1
                let how: String
                if let example = exploration.counterexamples.first {
                    how = "found: \(example.invariant.rawValue) after \(steps(example)): \(example.finding)"
                } else if exploration.isExhaustive {
                    missed += 1
                    how = "NOT FOUND in \(exploration.states) states"
                } else {
                    partial += 1
                    how = "memory ended after \(exploration.states) states"
                }
                let place = padded("\(design.rawValue)/\(provider.rawValue)", 22)
                Console.output("\(padded(fault.rawValue, width))  \(place)  \(how)\n")
            }
        }
        let kinds = Fault.allCases.count { !targets($0).isEmpty }
        Console.output("\(kinds) faults, made \(made) times: \(made - missed - partial) found\n")
        return missed > 0 ? 1 : partial > 0 ? HarnessError.Kind.harness.rawValue : 0
    }

    /// The designs and providers asked for, those where the fault applies.
    private func targets(_ fault: Fault?) -> [(Design, ModelProvider)] {
        let designs = design.isEmpty ? Design.allCases : design
        let providers = provider.isEmpty ? ModelProvider.allCases : provider
        return designs.flatMap { design in providers.map { (design, $0) } }
            .filter { fault?.applies(to: $0, $1) ?? true }
    }

    private func configuration(_ design: Design, _ provider: ModelProvider, _ fault: Fault?) -> Configuration {
        Configuration(
            design: design, provider: provider, fault: fault, buffers: buffers, pools: pools, stackReferences: stackReferences,
            userReferences: userReferences, ringCapacity: ringCapacity, concurrentPuts: concurrentPuts, hostile: hostile,
            strict: strict, symmetry: symmetry)
    }

    private func timed(_ configuration: Configuration, stopsAtFirst: Bool) -> (Exploration, Double) {
        let start = ContinuousClock.now
        var said = start
        let explorer = Explorer(configuration, memory: memory << 20, stopsAtFirst: stopsAtFirst)
        let exploration = explorer.run { progress in
            let now = ContinuousClock.now
            guard now - said > .seconds(5) else { return }
            said = now
            Console.error(
                "ppiov: \(configuration.design.rawValue)/\(configuration.provider.rawValue): depth \(progress.depth), "
                    + "\(progress.states) states, \(progress.frontier) new")
        }
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return (exploration, Double(seconds) + Double(attoseconds) / 1e18)
    }

    private func report(_ exploration: Exploration, _ seconds: Double) {
        let configuration = exploration.configuration
        var head = "\(configuration.design.rawValue), \(configuration.provider.rawValue)"
        if let fault = configuration.fault { head += ", fault \(fault.rawValue)" }
        let rate = Double(exploration.states) / max(seconds, 1e-9) / 1e6
        let numbers =
            "\(exploration.states) states, \(exploration.transitions) steps, depth \(exploration.depth); "
            + String(
                format: "%.2f s, %.1f million states/s, %.0f bytes/state", seconds, rate,
                Double(exploration.bytes) / Double(max(exploration.states, 1)))
        let verdict =
            exploration.counterexamples.isEmpty
            ? exploration.isExhaustive ? "ok" : "NOT ALL SEEN" : "BROKEN"
        Console.output("\(head): \(verdict): \(numbers)\n")
        if exploration.end == .outOfMemory {
            Console.output("  memory ended (\(memory) MiB): give it more with --memory, or take smaller bounds\n")
        }
        for example in exploration.counterexamples {
            let fault = example.rfcFault.map { " (RFC v3 03/20: fault \($0))" } ?? ""
            Console.output(
                "  \(example.invariant.rawValue) broken after \(steps(example))\(fault): "
                    + "\(example.invariant.statement)\n")
            guard !quiet else { continue }
            Console.output(
                example.text.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }
                    .joined(separator: "\n") + "\n")
            if mermaid { Console.output("\n```mermaid\n\(example.mermaid)\n```\n") }
        }
    }

    private func steps(_ example: Counterexample) -> String { example.steps.count == 1 ? "1 step" : "\(example.steps.count) steps" }

    private func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
}

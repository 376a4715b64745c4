// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Foundation
import Harness
import LifeCycle
import Results

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Explore every interleaving of the life cycle of memory-provider buffers.",
        discussion: """
            The model has three designs: beforeRework (what RFC v3 03/20 found), rework (what it proposed) and unifiedRefCount (mainline). \
            For each provider it visits every state that NAPI, the stack, a socket's reader, the user, a closing ring or socket, queue \
            restarts, device removal and the pool's own worker can reach within the bounds, checks the invariants I1 to I7, and prints the \
            shortest path to each violation. docs/model.md describes states, steps and invariants.

            --fault puts one fault into the model, to show that it is found; --prove-faults does so for each fault on every design and \
            provider that it applies to, and ends with 1 where one is not found.

            EXIT STATUS
              0    no invariant is violated (--prove-faults: every fault was found)
              1    one is (--prove-faults: a fault was not found)
              2    bad usage
              3    --memory was used up before every state was visited
            """)

    @Option(help: ArgumentHelp("The design; may be repeated. (default: all)", valueName: "name"))
    var design: [Design] = []

    @Option(help: ArgumentHelp("The provider; may be repeated. (default: all)", valueName: "name"))
    var provider: [ModelProvider] = []

    @Option(
        help: ArgumentHelp("A fault to put into the model; --list-faults lists them.", valueName: "name"),
        transform: { name in
            guard let fault = Fault(name: name) else { throw ValidationError("there is no fault \"\(name)\"; --list-faults lists them") }
            return fault
        })
    var fault: Fault?

    @Flag(help: "List the faults, with the designs and providers that they apply to.")
    var listFaults = false

    @Flag(help: "Try every fault, one after the other, and print how each was found.")
    var proveFaults = false

    @Option(help: ArgumentHelp("net_iovs of the provider, 1 to 4.", valueName: "n"))
    var buffers = 3

    @Option(help: ArgumentHelp("Pools of the queue, one after the other, 1 to 3: one more than restarts.", valueName: "n"))
    var pools = 2

    @Option(help: ArgumentHelp("References that the stack has to one buffer, 1 to 3.", valueName: "n"))
    var stackReferences = 2

    @Option(help: ArgumentHelp("References that the user has to one buffer, 0 to 3.", valueName: "n"))
    var userReferences = 2

    @Option(help: ArgumentHelp("Capacity of a pool's ring; further buffers are released to the provider, 0 to 4.", valueName: "n"))
    var ringCapacity = 1

    @Option(help: ArgumentHelp("Puts that can run at once, each on a CPU of its own, 1 to 3.", valueName: "n"))
    var concurrentPuts = 2

    @Flag(inversion: .prefixedNo, help: "zcrx: the user returns buffers through the refill ring that it does not hold.")
    var hostile = true

    @Flag(help: "Report the known violations of mainline's devmem, too; see docs/model.md.")
    var strict = false

    @Flag(inversion: .prefixedNo, help: "Treat states that differ only in the numbering of buffers as one.")
    var symmetry = true

    @Option(help: ArgumentHelp("Memory for the states; the exploration ends when it is used up.", valueName: "MiB"))
    var memory = 4096

    @Flag(help: "Print counterexamples as Mermaid sequence diagrams as well.")
    var mermaid = false

    @Flag(name: .shortAndLong, help: "Print only the table, no counterexamples.")
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
        guard fault == nil || !proveFaults else { throw ValidationError("--fault is for one fault, --prove-faults for all of them") }
    }

    func run() throws {
        if listFaults { return list() }
        try Failure.reporting(plain: { proveFaults ? prove() : explore() })
    }

    // MARK: -

    private func list() {
        let width = Fault.allCases.map { $0.rawValue.count }.max() ?? 0
        for fault in Fault.allCases {
            var columns = TextColumns()
            columns.add(fault.rawValue, width: width)
            columns.add(targets(fault).map { "\($0.rawValue)/\($1.rawValue)" }.joined(separator: " "))
            Console.output(columns.line + "\n")
        }
    }

    private func explore() -> Int32 {
        let chosen = targets(fault)
        guard !chosen.isEmpty else {
            Console.error("ppiov: the fault \(fault?.rawValue ?? "") does not apply there; --list-faults lists where it does")
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
                    how = "--memory used up after \(exploration.states) states"
                }
                var columns = TextColumns()
                columns.add(fault.rawValue, width: width)
                columns.add("\(design.rawValue)/\(provider.rawValue)", width: 22)
                columns.add(how)
                Console.output(columns.line + "\n")
            }
        }
        let kinds = Fault.allCases.count { !targets($0).isEmpty }
        Console.output("\(kinds) faults, made \(made) times: \(made - missed - partial) found\n")
        return missed > 0 ? 1 : partial > 0 ? HarnessError.Kind.harness.rawValue : 0
    }

    /// The requested designs and providers; of these, those where the fault applies.
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
        var reported = start
        let explorer = Explorer(configuration, memory: memory << 20, stopsAtFirst: stopsAtFirst)
        let exploration = explorer.run { progress in
            let now = ContinuousClock.now
            guard now - reported > .seconds(5) else { return }
            reported = now
            Console.error(
                "ppiov: \(configuration.design.rawValue)/\(configuration.provider.rawValue): depth \(progress.depth), "
                    + "\(progress.states) states, \(progress.frontier) new")
        }
        return (exploration, (.now - start).seconds)
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
            ? exploration.isExhaustive ? "ok" : "INCOMPLETE" : "BROKEN"
        Console.output("\(head): \(verdict): \(numbers)\n")
        if exploration.end == .outOfMemory {
            Console.output("  \(memory) MiB used up: raise --memory, or lower the bounds\n")
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
}

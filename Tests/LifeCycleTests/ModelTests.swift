// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import LifeCycle

@Suite struct ModelTests {
    /// Small enough for a test, large enough for every fault.
    static func small(
        _ design: Design, _ provider: ModelProvider, _ fault: Fault? = nil, symmetry: Bool = true, ringCapacity: Int = 1
    ) -> Configuration {
        Configuration(
            design: design, provider: provider, fault: fault, buffers: 2, pools: 2, stackReferences: 2, userReferences: 1,
            ringCapacity: ringCapacity, symmetry: symmetry)
    }

    struct Target: CustomTestStringConvertible {
        var design: Design
        var provider: ModelProvider
        var fault: Fault?
        var testDescription: String { "\(design.rawValue)/\(provider.rawValue)/\(fault?.rawValue ?? "-")" }
    }

    static let sound = [Design.rework, .unifiedRefCount].flatMap { design in
        ModelProvider.allCases.map { Target(design: design, provider: $0) }
    }
    static let faults = Fault.allCases.flatMap { fault in
        Design.allCases.flatMap { design in
            ModelProvider.allCases.filter { fault.applies(to: design, $0) }.map { Target(design: design, provider: $0, fault: fault) }
        }
    }

    @Test("the rework and mainline break no invariant", arguments: sound)
    func soundDesigns(_ target: Target) {
        let exploration = Explorer(Self.small(target.design, target.provider)).run()
        #expect(exploration.end == .exhausted)
        #expect(exploration.counterexamples.map(\.text) == [])
        #expect(exploration.states > 500)
    }

    @Test("before the rework, a buffer of another provider is lost, and a pool is freed while a buffer points to it")
    func beforeRework() throws {
        let zcrx = Explorer(Self.small(.beforeRework, .zcrx)).run()
        let lost = try #require(zcrx.counterexamples.first { $0.rfcFault == 1 })
        #expect(lost.invariant == .allReleased)
        let devmem = Explorer(Self.small(.beforeRework, .devmem)).run()
        let freed = try #require(devmem.counterexamples.first { $0.invariant == .poolOutlivesBuffers })
        #expect(freed.rfcFault == 2)
        #expect(freed.steps.last?.kind == .freePool)
        #expect(devmem.counterexamples.contains { $0.invariant == .inflightIsExact })
    }

    @Test("pages do not have the RFC's faults")
    func pagesBeforeRework() {
        #expect(Explorer(Self.small(.beforeRework, .none)).run().counterexamples.isEmpty)
    }

    @Test("every fault is found wherever it applies", arguments: faults)
    func everyFaultIsFound(_ target: Target) throws {
        let exploration = Explorer(Self.small(target.design, target.provider, target.fault), stopsAtFirst: true).run()
        let example = try #require(exploration.counterexamples.first)
        #expect(!example.steps.isEmpty && !example.finding.isEmpty)
    }

    @Test("there are at least fifteen faults, and each applies somewhere")
    func faultsApply() {
        #expect(Fault.allCases.count >= 15)
        for fault in Fault.allCases { #expect(Self.faults.contains { $0.fault == fault }, "\(fault.rawValue)") }
    }

    @Test("a fault is found by its name and by its former name")
    func faultNames() {
        for fault in Fault.allCases { #expect(Fault(name: fault.rawValue) == fault) }
        for (former, fault) in Fault.formerNames {
            #expect(Fault(name: former) == fault)
            #expect(Fault(rawValue: former) == nil, "\(former) is a present name")
        }
        #expect(Fault(name: "close-forgets-tokens")?.rawValue == "close-omits-token-release")
        #expect(Fault(name: "nosuch") == nil)
    }

    @Test("symmetry changes only the number of states", arguments: ModelProvider.allCases)
    func symmetry(_ provider: ModelProvider) {
        let with = Explorer(Self.small(.unifiedRefCount, provider)).run()
        let without = Explorer(Self.small(.unifiedRefCount, provider, symmetry: false)).run()
        #expect(without.counterexamples.isEmpty)
        #expect(with.depth == without.depth)
        // With two buffers, at most two states become one.
        #expect(with.states < without.states && without.states <= 2 * with.states)
    }

    @Test("a counterexample is as short without symmetry", arguments: [Fault.releaseFreesTwice, .closeOmitsTokenRelease, .poolFreedEarly])
    func shortest(_ fault: Fault) throws {
        let with = Explorer(Self.small(.unifiedRefCount, .devmem, fault), stopsAtFirst: true).run()
        let without = Explorer(Self.small(.unifiedRefCount, .devmem, fault, symmetry: false), stopsAtFirst: true).run()
        #expect(try #require(with.counterexamples.first).steps.count == (try #require(without.counterexamples.first).steps.count))
    }

    @Test("a counterexample has numbered steps with actor and kernel function, and ends with the finding")
    func narration() throws {
        let exploration = Explorer(Self.small(.unifiedRefCount, .devmem, .closeOmitsTokenRelease), stopsAtFirst: true).run()
        let example = try #require(exploration.counterexamples.first)
        let lines = example.text.split(separator: "\n").map(String.init)
        #expect(lines.first?.contains("1. NAPI") == true)
        #expect(lines.first?.contains("mp_dmabuf_devmem_alloc_netmems") == true)
        #expect(lines.last?.contains("=> no step is left, and not everything is released: A (") == true)
        #expect(lines.last?.contains("user 1") == true)
        #expect(example.mermaid.hasPrefix("sequenceDiagram\n"))
        #expect(!example.mermaid.contains(";"))
    }

    @Test("with --strict, mainline's devmem stays mapped for a removed device, and can lose a reference")
    func strict() throws {
        var configuration = Self.small(.unifiedRefCount, .devmem)
        configuration.strict = true
        let found = Explorer(configuration).run().counterexamples
        #expect(found.map(\.invariant) == [.unmappedAfterUninstall, .allReleased])
        #expect(found.first?.steps.map(\.kind) == [.removeDevice])
        #expect(try #require(found.last).steps.contains { $0.kind == .eraseReservation })
        configuration.provider = .zcrx
        #expect(Explorer(configuration).run().counterexamples.isEmpty)
    }

    @Test("an exploration that needs more memory than it has ends with outOfMemory")
    func memoryBound() {
        let exploration = Explorer(Configuration(design: .unifiedRefCount, provider: .zcrx), memory: 8 << 20).run()
        #expect(exploration.end == .outOfMemory)
        #expect(!exploration.isExhaustive)
        #expect(exploration.bytes <= 8 << 20)
    }

    @Test("if every buffer fits into the ring, a live pool holds each of them once", arguments: ModelProvider.allCases)
    func predictionOfHolds(_ provider: ModelProvider) {
        // `Prediction` depends on this: no step returns a buffer to the provider while its pool is live.
        var watch = LiveReturns()
        let configuration = Self.small(.unifiedRefCount, provider, ringCapacity: 2)
        forEachState(configuration) { state in
            watch.from = state
            Transitions(configuration).forEach(from: state, into: &watch)
        }
        #expect(watch.returns == 0)
        #expect(watch.holds > 0)
        var tight = LiveReturns()
        let full = Self.small(.unifiedRefCount, provider, ringCapacity: 1)
        forEachState(full) { state in
            tight.from = state
            Transitions(full).forEach(from: state, into: &tight)
        }
        #expect(tight.returns > 0, "with a smaller ring a live pool returns buffers")
    }

    private func forEachState(_ configuration: Configuration, _ body: (ModelState) -> Void) {
        var seen: Set<ModelState> = []
        var frontier = [ModelState(initial: configuration).canonical(configuration.buffers)]
        seen.insert(frontier[0])
        while let state = frontier.popLast() {
            body(state)
            var next = Collected()
            Transitions(configuration).forEach(from: state, into: &next)
            for state in next.states.map({ $0.canonical(configuration.buffers) }) where seen.insert(state).inserted {
                frontier.append(state)
            }
        }
    }
}

private struct Collected: SuccessorSink {
    var states: [ModelState] = []
    mutating func add(_ state: ModelState, _ step: Step) { states.append(state) }
}

private struct LiveReturns: SuccessorSink {
    var from = ModelState.none
    var returns = 0
    var holds = 0

    mutating func add(_ state: ModelState, _ step: Step) {
        if step.kind == .allocate { holds += 1 }
        if step.kind == .returnToProvider && from.pool(Int(step.pool)).state == .live { returns += 1 }
    }
}

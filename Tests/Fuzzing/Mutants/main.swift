// SPDX-License-Identifier: GPL-2.0

import Glibc
import TraceForms

// `trace-mutants [FIRST] COUNT`: changed traces, one for each seed. Prints those with a wrong answer, and the slowest. Exit status 1 where one is wrong
// or takes more than 5 s.
let numbers = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
guard numbers.count == CommandLine.arguments.count - 1, let count = numbers.last, numbers.count <= 2 else {
    print("USAGE: trace-mutants [FIRST] COUNT")
    exit(2)
}
let first = numbers.count == 2 ? numbers[0] : 0
var wrong = 0
var slowest = (seed: first, time: Duration.zero)
var changes: [String: Int] = [:]
for seed in first..<first + count {
    let start = ContinuousClock.now
    var mutant = TraceMutant(seed: seed)
    let fault = mutant.examine()
    let time = ContinuousClock.now - start
    changes[mutant.change.rawValue, default: 0] += 1
    if time > slowest.time { slowest = (seed, time) }
    if let fault {
        wrong += 1
        print("seed \(seed): \(fault)")
    }
    if time > .seconds(5) {
        wrong += 1
        print("seed \(seed): took \(time)")
    }
}
print("\(count) mutants, \(wrong) wrong; slowest: seed \(slowest.seed), \(slowest.time)")
print(changes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
exit(wrong == 0 ? 0 : 1)

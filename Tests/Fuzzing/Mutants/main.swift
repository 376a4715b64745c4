// SPDX-License-Identifier: GPL-2.0

import ForeignReaders
import Foundation

// Changed inputs of all readers, one for each seed. Prints those with a wrong answer, and the slowest of each reader. Exit status 1 where one is wrong
// or takes more than 5 s of processor time.
let usage = """
    USAGE: reader-mutants [FIRST] COUNT
           reader-mutants --write SEED FILE
           reader-mutants --examples FOLDER

      FIRST COUNT        Read the inputs of COUNT seeds, from FIRST (0).
      --write SEED FILE  Write the input of one seed to a file.
      --examples FOLDER  Write the examples of each reader to a folder of its name, for reader-fuzzer.

    """

/// The seed that is read, for the handlers of signals: a crash or a hang has no other way to name it.
nonisolated(unsafe) var seed: UInt64 = 0

func report(_ text: StaticString) {
    var digits: [UInt8] = [0x0a]
    var rest = seed
    repeat {
        digits.append(UInt8(0x30 + rest % 10))
        rest /= 10
    } while rest > 0
    digits.reverse()
    _ = write(1, text.utf8Start, text.utf8CodeUnitCount)
    _ = digits.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
}

/// The processor time of this process: other programs of the machine do not count.
func processorTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

func examine(_ seeds: Range<UInt64>) throws -> Int32 {
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT] {
        signal(number) { number in
            report("crash: seed ")
            signal(number, SIG_DFL)
            raise(number)
        }
    }
    signal(SIGALRM) { _ in
        report("more than 600 s: seed ")
        _exit(1)
    }
    let examples = try ReaderExamples()
    var wrong = 0
    var counts: [String: (count: Int, slowest: UInt64, time: Duration)] = [:]
    for number in seeds {
        seed = number
        alarm(600)
        let start = processorTime()
        let mutant = ReaderMutant(seed: number)
        // Every 50th is large: what takes time that is more than linear is seen by it.
        let fault = mutant.examine(examples, limit: number % 50 == 0 ? 1 << 20 : 1 << 14)
        let time = processorTime() - start
        var entry = counts[mutant.subject.name] ?? (0, number, .zero)
        entry.count += 1
        if time > entry.time { (entry.slowest, entry.time) = (number, time) }
        counts[mutant.subject.name] = entry
        if let fault {
            wrong += 1
            print("seed \(number), \(mutant.subject.name): \(fault)")
        }
        if time > .seconds(5) {
            wrong += 1
            print("seed \(number), \(mutant.subject.name): took \(time)")
        }
    }
    for (name, entry) in counts.sorted(by: { $0.key < $1.key }) { print("\(name): \(entry.count); slowest: seed \(entry.slowest), \(entry.time)") }
    print("\(seeds.count) inputs, \(wrong) wrong")
    return wrong == 0 ? 0 : 1
}

func writeExamples(_ folder: String) async throws {
    let examples = try ReaderExamples()
    for reader in ForeignReader.allCases {
        let place = folder + "/" + reader.rawValue
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let all = examples[reader] + (reader == .traceDat ? try await ReaderExamples.compressedTraces() : [])
        for (index, bytes) in all.enumerated() { try Data(bytes).write(to: URL(fileURLWithPath: "\(place)/\(index)")) }
    }
}

let arguments = Array(CommandLine.arguments.dropFirst())
let numbers = arguments.compactMap { UInt64($0) }
switch (arguments.first, arguments.count) {
case ("--examples", 2): try await writeExamples(arguments[1])
case ("--write", 3):
    guard let number = UInt64(arguments[1]),
        let bytes = ReaderMutant(seed: number).bytes(try ReaderExamples(), limit: 1 << (number % 50 == 0 ? 20 : 14))
    else {
        print("seed \(arguments[1]) has no bytes")
        exit(2)
    }
    try Data(bytes).write(to: URL(fileURLWithPath: arguments[2]))
case (_, 1...2) where numbers.count == arguments.count:
    let first = numbers.count == 2 ? numbers[0] : 0
    exit(try examine(first..<first + (numbers.last ?? 0)))
default:
    print(usage, terminator: "")
    exit(2)
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import Results
import Scenarios

/// A part of a scenario in a process of its own, because the process is killed or has fewer privileges. It reads commands from standard input and
/// writes replies to standard output.
enum WorkerProcess {
    static func run(_ arguments: [String]) throws {
        switch (arguments.first, arguments.count) {
        case ("zcrx-receive", 5):
            guard let ifindex = UInt32(arguments[1]), let queue = UInt32(arguments[2]), let scale = Double(arguments[4]) else { break }
            return try WorkerMain.receiveForEver(
                ifindex: ifindex, queue: queue, local: arguments[3], scale: scale, next: { readLine() }, reply: reply)
        case ("provider", 6):
            guard let provider = Provider(rawValue: arguments[1]), let ifindex = UInt32(arguments[2]), let queue = UInt32(arguments[3]),
                let scale = Double(arguments[5])
            else { break }
            return try WorkerMain.runProvider(
                provider, ifindex: ifindex, queue: queue, local: arguments[4], scale: scale, next: { readLine() }, reply: reply)
        case ("devmem-send", 5):
            guard let ifindex = UInt32(arguments[1]), let scale = Double(arguments[3]), let sender = WorkerMain.Sender(rawValue: arguments[4])
            else { break }
            return try WorkerMain.sendForEver(
                ifindex: ifindex, local: arguments[2], scale: scale, sender: sender, next: { readLine() }, reply: reply)
        case ("devmem-bind", 3):
            guard let ifindex = UInt32(arguments[1]), let queue = UInt32(arguments[2]) else { break }
            return try WorkerMain.bindDevmem(ifindex: ifindex, queue: queue, next: { readLine() }, reply: reply)
        case ("refuse", 5):
            guard let provider = Provider(rawValue: arguments[1]), let ifindex = UInt32(arguments[2]), let queue = UInt32(arguments[3])
            else { break }
            if readLine() == "try" {
                reply("ok " + WorkerMain.attemptUnprivileged(provider, ifindex: ifindex, queue: queue, privilege: arguments[4]))
            }
            return
        case ("zcrx-import", 8):
            guard let from = WorkerMain.Import(Array(arguments.dropFirst())) else { break }
            return try WorkerMain.importQueue(from, next: { readLine() }, reply: reply)
        default: break
        }
        throw UsageError(message: "worker does not accept \(arguments.joined(separator: " "))")
    }

    private static func reply(_ line: String) {
        print(line)
        fflush(nil)
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Scenarios

/// The peer's sockets by number, for scenarios with more than one connection or a say in how the payload is cut:
///
///     open N ADDRESS PORT MS           connects socket N, within that many milliseconds
///     write N SEED START BYTES SIZES   sends the pattern from START on, in the background, in writes of SIZES ("1,100"), each at once
///     written N                        waits for that; "ok BYTES"
///     acknowledged N                   whether all that was written has been acknowledged; "ok yes" or "ok no"
///     reset N                          closes socket N with a reset, aborting what is being sent
///     abort N                          the same, where there is one
///     shut N                           closes socket N
final class PeerSockets {
    private final class Entry {
        var socket: OwnedDescriptor?
        let descriptor: Int32
        var sender: BackgroundSender?

        init(_ socket: consuming OwnedDescriptor) {
            descriptor = socket.rawValue
            self.socket = consume socket
        }

        /// The socket, with nobody sending any more.
        func take() -> OwnedDescriptor? {
            sender?.stop()
            sender = nil
            return socket.take()
        }

        deinit { socket.take()?.close() }
    }

    private var entries: [Int: Entry] = [:]

    /// The answer to a command; nil where it is none of these.
    func answer(_ words: [String]) throws -> String? {
        guard words.count > 1, let number = Int(words[1]) else { return nil }
        switch (words[0], words.count) {
        case ("open", 5):
            guard let address = IPAddress(words[2]), let port = UInt16(words[3]), let limit = Int32(words[4]) else {
                throw ScenarioFailure("no endpoint: \(words)")
            }
            close(number)
            entries[number] = Entry(try TCP.connect(to: Endpoint(address, port: port), timeoutMilliseconds: limit))
            return ""
        case ("write", 6):
            let sizes = words[5].split(separator: ",").compactMap { Int($0) }.filter { $0 > 0 }
            guard let seed = UInt64(words[2]), let start = UInt64(words[3]), let bytes = UInt64(words[4]), !sizes.isEmpty else {
                throw ScenarioFailure("no number: \(words)")
            }
            let entry = try entry(number)
            if let socket = entry.socket.take() {
                let outcome = Result { try TCP.setNoDelay(socket) }
                entry.socket = consume socket
                try outcome.get()
            }
            entry.sender = try BackgroundSender(
                entry.descriptor, PayloadPattern(seed: seed), bytes: bytes, from: start, sizes: sizes)
            return ""
        case ("written", 2):
            guard let sender = try entry(number).sender else { throw ScenarioFailure("nothing is being sent over socket \(number)") }
            return String(try sender.join())
        case ("acknowledged", 2):
            return try SocketSending.unacknowledged(try entry(number).descriptor) == 0 ? "yes" : "no"
        case ("reset", 2):
            if let socket = try entry(number).take() { try TCP.reset(socket) }
            entries[number] = nil
            return ""
        case ("abort", 2):
            if let socket = entries[number]?.take() { try TCP.reset(socket) }
            entries[number] = nil
            return ""
        case ("shut", 2):
            close(number)
            return ""
        default: return nil
        }
    }

    private func close(_ number: Int) {
        entries[number]?.take()?.close()
        entries[number] = nil
    }

    private func entry(_ number: Int) throws -> Entry {
        guard let entry = entries[number] else { throw ScenarioFailure("there is no socket \(number)") }
        return entry
    }
}

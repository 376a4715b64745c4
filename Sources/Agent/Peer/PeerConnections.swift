// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Scenarios

/// The peer's sockets by number, for scenarios with several connections or with writes of given sizes.
final class PeerConnections {
    private final class Entry {
        var socket: OwnedDescriptor?
        let descriptor: Int32
        var sender: BackgroundSender?

        init(_ socket: consuming OwnedDescriptor) {
            descriptor = socket.rawValue
            self.socket = consume socket
        }

        /// The socket, after its sender was stopped.
        func take() -> OwnedDescriptor? {
            sender?.stop()
            sender = nil
            return socket.take()
        }

        deinit { socket.take()?.close() }
    }

    private var entries: [Int: Entry] = [:]

    func perform(_ command: PeerCommand) throws -> PeerReply {
        switch command {
        case .open(let number, let address, let port, let milliseconds):
            close(number)
            entries[number] = Entry(try TCP.connect(to: PeerProcess.endpoint(address, port), timeoutMilliseconds: milliseconds))
        case .write(let number, let seed, let start, let bytes, let sizes):
            guard !sizes.isEmpty, sizes.allSatisfy({ $0 > 0 }) else { throw ScenarioFailure("writes cannot have the sizes \(sizes)") }
            let entry = try entry(number)
            // A scenario that has received all bytes need not have waited for the write before. A sender that is dropped instead would be stopped.
            entry.sender?.finish()
            if let socket = entry.socket.take() {
                let outcome = Result { try TCP.setNoDelay(socket) }
                entry.socket = consume socket
                try outcome.get()
            }
            entry.sender = try BackgroundSender(entry.descriptor, PayloadPattern(seed: seed), bytes: bytes, from: start, sizes: sizes)
        case .awaitWritten(let number):
            guard let sender = try entry(number).sender else { throw ScenarioFailure("nothing is being sent over socket \(number)") }
            return PeerReply(number: try sender.join())
        case .countUnacknowledged(let number):
            return PeerReply(number: UInt64(try SocketSending.unacknowledged(try entry(number).descriptor)))
        case .resetConnection(let number):
            if let socket = try entry(number).take() { try TCP.reset(socket) }
            entries[number] = nil
        case .abortConnection(let number):
            if let socket = entries[number]?.take() { try TCP.reset(socket) }
            entries[number] = nil
        case .shut(let number): close(number)
        default: throw ScenarioFailure("\(command) is not a command for a numbered socket")
        }
        return PeerReply()
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

// SPDX-License-Identifier: GPL-2.0

import FoundationEssentials
import Glibc
import KernelABI
import Results
import Scenarios
import SystemPackage

/// The other end of the connections, as a process: reads a ``PeerCommand`` a line from standard input, and writes a ``PeerReply`` a line.
final class PeerProcess {
    private var socket: OwnedDescriptor?
    private var sender: BackgroundSender?
    private var receiver: BackgroundReceiver?
    private let connections = PeerConnections()
    private var rawTCP: RawTCPConnection?
    private var flood: Flood?

    /// Runs until standard input ends.
    static func run(_ arguments: [String]) throws {
        signal(SIGPIPE, SIG_IGN)
        try enterNamespace(arguments)
        let peer = PeerProcess()
        write(PeerReply.greeting)
        while let line = readLine() {
            let reply: PeerReply
            do {
                reply = try peer.perform(try JSONDecoder().decode(PeerCommand.self, from: Data(line.utf8)))
            } catch {
                reply = PeerReply(failure: "\(error)")
            }
            write(String(decoding: try StableJSON.line(reply), as: UTF8.self))
        }
        try? peer.close()
    }

    private static func enterNamespace(_ arguments: [String]) throws {
        switch arguments.first {
        case nil: break
        case "--new-netns":
            let namespace = try NetworkNamespace.make()
            try NetworkNamespace.enter(namespace)
            namespace.close()
        case "--netns" where arguments.count == 2:
            let path = "/run/netns/\(arguments[1])"
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw KernelError("open of \(path)", errno: Errno(rawValue: errno)) }
            let namespace = OwnedDescriptor(taking: descriptor)
            try NetworkNamespace.enter(namespace)
            namespace.close()
        case "--unlink" where arguments.count == 2: unlink(arguments[1])
        default: throw ScenarioFailure("peer does not accept \(arguments.joined(separator: " "))")
        }
    }

    private static func write(_ line: String) {
        print(line)
        fflush(nil)
    }

    private func perform(_ command: PeerCommand) throws -> PeerReply {
        switch command {
        case .ping: return PeerReply()
        case .connect(let address, let port, let milliseconds):
            try close()
            socket = try TCP.connect(to: Self.endpoint(address, port), timeoutMilliseconds: milliseconds)
            return PeerReply()
        case .send(let seed, let bytes):
            sender = try BackgroundSender(try connected(), PayloadPattern(seed: seed), bytes: bytes)
            return PeerReply()
        case .sendMore(let bytes):
            guard let before = sender else { throw ScenarioFailure("nothing was sent before") }
            let begin = before.start + (try before.join())
            sender = try BackgroundSender(before.descriptor, before.pattern, bytes: bytes, from: begin)
            return PeerReply()
        case .awaitSent:
            guard let sender else { throw ScenarioFailure("nothing is being sent") }
            return PeerReply(number: try sender.join())
        case .receive(let seed, let bytes):
            receiver = try BackgroundReceiver(try connected(), PayloadPattern(seed: seed), bytes: bytes)
            return PeerReply()
        case .awaitReceived:
            guard let receiver else { throw ScenarioFailure("nothing is being received") }
            let (bytes, mismatch) = try receiver.join()
            return PeerReply(number: bytes, mismatch: mismatch)
        case .close:
            try close()
            return PeerReply()
        case .abort:
            try close(reset: true)
            return PeerReply()
        case .open, .write, .awaitWritten, .countUnacknowledged, .resetConnection, .abortConnection, .shut:
            return try connections.perform(command)
        case .makeNetdevsim, .removeNetdevsim, .addAddress, .setUp, .setMTU, .reportPoolChanges, .readPagePool:
            return try PeerLinks.perform(command)
        case .openRawTCP, .sendSegments, .sendUrgent, .sendLarge, .sendPadded, .sendPaddedEnd, .flood, .stopFlood, .closeRawTCP:
            return try performRawTCP(command)
        }
    }

    private func performRawTCP(_ command: PeerCommand) throws -> PeerReply {
        switch command {
        case .openRawTCP(let ifindex, let source, let target, let port):
            guard let source = IPAddress(source), let target = IPAddress(target), !source.isIPv6, !target.isIPv6 else {
                throw ScenarioFailure("\(source) and \(target) are not two IPv4 addresses")
            }
            rawTCP = try RawTCPConnection(ifindex: ifindex, from: source, to: target, port: port)
            return PeerReply()
        case .sendSegments(let seed, let segments, let inOneBurst):
            return PeerReply(number: try opened().send(PayloadPattern(seed: seed), segments, inOneBurst: inOneBurst))
        case .sendUrgent(let seed, let segment):
            return PeerReply(number: try opened().sendUrgent(PayloadPattern(seed: seed), segment))
        case .sendLarge(let seed, let packet, let linear):
            return PeerReply(number: try opened().sendLarge(PayloadPattern(seed: seed), packet, linear: linear))
        case .sendPadded(let seed, let segment, let padding, let summed):
            return PeerReply(number: try opened().sendPadded(PayloadPattern(seed: seed), segment, padding: padding, summed: summed))
        case .sendPaddedEnd(let offset, let padding): return PeerReply(number: try opened().sendPaddedEnd(at: offset, padding: padding))
        case .flood(let seed, let length):
            _ = try flood.take()?.stop()
            flood = try opened().flood(PayloadPattern(seed: seed), length: length)
            return PeerReply()
        case .stopFlood: return PeerReply(number: UInt64(try flood.take()?.stop() ?? 0))
        case .closeRawTCP:
            _ = try flood.take()?.stop()
            try rawTCP?.reset()
            rawTCP = nil
            return PeerReply()
        default: throw ScenarioFailure("\(command) is not a command for a raw TCP connection")
        }
    }

    private func opened() throws -> RawTCPConnection {
        guard let rawTCP else { throw ScenarioFailure("there is no raw TCP connection") }
        return rawTCP
    }

    /// The descriptor of the connected socket, which stays this object's.
    private func connected() throws -> Int32 {
        guard let connected = socket.take() else { throw ScenarioFailure("not connected") }
        let descriptor = connected.rawValue
        socket = consume connected
        return descriptor
    }

    static func endpoint(_ address: String, _ port: UInt16) throws -> Endpoint {
        guard let address = IPAddress(address) else { throw ScenarioFailure("\"\(address)\" is not an IP address") }
        return Endpoint(address, port: port)
    }

    private func close(reset: Bool = false) throws {
        guard let connected = socket.take() else { return }
        // A sender or receiver that is blocked in poll(2) wakes on the shutdown; its descriptor must be open until the thread has ended.
        if sender != nil || receiver != nil {
            shutdown(connected.rawValue, Int32(SHUT_RDWR))
            sender?.finish()
            receiver?.finish()
            sender = nil
            receiver = nil
        }
        if reset {
            try TCP.reset(connected)
        } else {
            connected.close()
        }
    }
}

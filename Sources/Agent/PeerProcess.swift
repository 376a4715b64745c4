// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Scenarios
import Synchronization
import SystemPackage

/// The other end of the wire, as a process: takes commands on standard input, answers each with "ok ..." or the error.
///
///     ping                          ok
///     connect ADDRESS PORT MS       connects a TCP socket, within that many milliseconds
///     send SEED BYTES               sends the pattern in the background; 0 bytes: without end
///     more BYTES                    sends the pattern on from where it is
///     join                          waits for the sending; "ok BYTES"
///     receive SEED BYTES            receives in the background and compares with the pattern; 0 bytes: until the stream ends
///     received                      waits for the receiving; "ok BYTES", and the offset of the first wrong byte where there is one
///     close                         closes the socket, aborting what is being sent
///     abort                         the same with a reset, where there is one: nothing will be sent any more
///     netdevsim ID                  makes a netdevsim here; "ok IFINDEX"
///     address IFINDEX ADDRESS LEN   adds an address
///     up IFINDEX                    sets a link up
///     remove ID                     removes a netdevsim
///     pool-changes IFINDEX MS       sets a link down and up again; "ok CHANGE...": what is told of its page pools meanwhile
///     page-pool ID                  asks for a page pool; "ok GET STATS-GET DUMP": how the two were refused, and how often a dump has it
///
/// and those of `PeerSockets` (several sockets by number) and `ForgedConnection` (segments that no TCP would send).
final class PeerProcess {
    private var socket: OwnedDescriptor?
    private var sender: BackgroundSender?
    private var receiver: BackgroundReceiver?
    private let sockets = PeerSockets()
    private var forged: ForgedConnection?
    private var flood: Flood?

    /// Runs until standard input ends.
    static func run(_ arguments: [String]) throws {
        signal(SIGPIPE, SIG_IGN)
        try enterNamespace(arguments)
        let peer = PeerProcess()
        say("ok peer")
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            do {
                say(("ok " + (try peer.answer(words))).trimmed)
            } catch {
                say("\(error)")
            }
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
        default: throw ScenarioFailure("peer does not take \(arguments.joined(separator: " "))")
        }
    }

    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    private static func told(of pool: UInt64) throws -> String {
        func outcome(_ ask: () throws(KernelError) -> Void) -> String {
            do throws(KernelError) {
                try ask()
                return "granted"
            } catch {
                return error.codeName
            }
        }
        let netdev = try Netdev()
        let one = outcome { () throws(KernelError) in _ = try netdev.pagePool(pool) }
        let counters = outcome { () throws(KernelError) in _ = try netdev.pagePoolStats(pool) }
        let all = Result { try netdev.pagePools() }
        netdev.close()
        return "\(one) \(counters) \(try all.get().filter { $0.id == pool }.count)"
    }

    /// What is told of an interface's page pools while it is set down and up again, to the first that is added.
    private static func changes(_ ifindex: UInt32, within milliseconds: Int32) throws -> String {
        var netdev = try Netdev()
        var heard: [String] = []
        let result = Result {
            try netdev.subscribePagePools()
            try Links().set(ifindex, up: false)
            try Links().set(ifindex, up: true)
            while heard.last != "\(PagePoolNotification.Change.added)", let told = try netdev.nextNotification(timeoutMilliseconds: milliseconds) {
                if told.pool.ifindex == ifindex { heard.append("\(told.change)") }
            }
        }
        netdev.close()
        try result.get()
        return heard.joined(separator: " ")
    }

    private func answer(_ words: [String]) throws -> String {
        switch (words.first, words.count) {
        case ("ping", 1): return ""
        case ("connect", 4):
            guard let address = IPAddress(words[1]), let port = UInt16(words[2]), let limit = Int32(words[3]) else {
                throw ScenarioFailure("no endpoint: \(words)")
            }
            try close()
            socket = try TCP.connect(to: Endpoint(address, port: port), timeoutMilliseconds: limit)
            return ""
        case ("send", 3):
            guard let seed = UInt64(words[1]), let bytes = UInt64(words[2]) else { throw ScenarioFailure("no number: \(words)") }
            guard let connected = socket.take() else { throw ScenarioFailure("not connected") }
            let descriptor = connected.rawValue
            socket = consume connected
            sender = try BackgroundSender(descriptor, PayloadPattern(seed: seed), bytes: bytes)
            return ""
        case ("more", 2):
            guard let bytes = UInt64(words[1]) else { throw ScenarioFailure("no number: \(words)") }
            guard let before = sender else { throw ScenarioFailure("nothing was sent that could go on") }
            let begin = before.start + (try before.join())
            sender = try BackgroundSender(before.descriptor, before.pattern, bytes: bytes, from: begin)
            return ""
        case ("join", 1):
            guard let sender else { throw ScenarioFailure("nothing is being sent") }
            return String(try sender.join())
        case ("receive", 3):
            guard let seed = UInt64(words[1]), let bytes = UInt64(words[2]) else { throw ScenarioFailure("no number: \(words)") }
            guard let connected = socket.take() else { throw ScenarioFailure("not connected") }
            let descriptor = connected.rawValue
            socket = consume connected
            receiver = try BackgroundReceiver(descriptor, PayloadPattern(seed: seed), bytes: bytes)
            return ""
        case ("received", 1):
            guard let receiver else { throw ScenarioFailure("nothing is being received") }
            return try receiver.join()
        case ("close", 1):
            try close()
            return ""
        case ("abort", 1):
            try close(reset: true)
            return ""
        case ("netdevsim", 2):
            guard let id = UInt32(words[1]) else { throw ScenarioFailure("no number: \(words)") }
            return String(try Netdevsim.create(id: id, queues: 1).ifindex)
        case ("address", 4):
            guard let index = UInt32(words[1]), let address = IPAddress(words[2]), let length = UInt8(words[3]) else {
                throw ScenarioFailure("no address: \(words)")
            }
            try Links().add(address, prefixLength: length, to: index)
            return ""
        case ("up", 2):
            guard let index = UInt32(words[1]) else { throw ScenarioFailure("no number: \(words)") }
            try Links().set(index, up: true)
            return ""
        case ("mtu", 3):
            guard let index = UInt32(words[1]), let bytes = UInt32(words[2]) else { throw ScenarioFailure("no number: \(words)") }
            try Links().set(index, mtu: bytes)
            return ""
        case ("remove", 2):
            guard let id = UInt32(words[1]) else { throw ScenarioFailure("no number: \(words)") }
            try Netdevsim.remove(id: id)
            return ""
        case ("pool-changes", 3):
            guard let index = UInt32(words[1]), let limit = Int32(words[2]) else { throw ScenarioFailure("no number: \(words)") }
            return try Self.changes(index, within: limit)
        case ("page-pool", 2):
            guard let id = UInt64(words[1]) else { throw ScenarioFailure("no number: \(words)") }
            return try Self.told(of: id)
        case ("forge", 5):
            guard let index = UInt32(words[1]), let source = IPAddress(words[2]), let target = IPAddress(words[3]), let port = UInt16(words[4]),
                !source.isIPv6, !target.isIPv6
            else { throw ScenarioFailure("no endpoint: \(words)") }
            forged = try ForgedConnection(ifindex: index, from: source, to: target, port: port)
            return ""
        case ("segments", 3), ("burst", 3):
            guard let forged, let seed = UInt64(words[1]) else { throw ScenarioFailure("nothing is forged") }
            return try forged.send(PayloadPattern(seed: seed), ForgedConnection.Segment.list(words[2]), together: words[0] == "burst")
        case ("urgent", 3):
            guard let forged, let seed = UInt64(words[1]) else { throw ScenarioFailure("nothing is forged") }
            return try forged.sendUrgent(PayloadPattern(seed: seed), ForgedConnection.Segment.one(words[2], upTo: ForgedConnection.segmentBytes))
        case ("large", 4):
            guard let forged, let seed = UInt64(words[1]), let beside = Int(words[3]) else { throw ScenarioFailure("nothing is forged") }
            let piece = try ForgedConnection.Segment.one(words[2], upTo: ForgedConnection.largeBytes)
            return try forged.sendLarge(PayloadPattern(seed: seed), piece, beside: beside)
        case ("flood", 3):
            guard let forged, let seed = UInt64(words[1]), let length = Int(words[2]) else { throw ScenarioFailure("nothing is forged") }
            _ = try flood.take()?.stop()
            flood = try forged.flood(PayloadPattern(seed: seed), length: length)
            return ""
        case ("unflood", 1):
            return String(try flood.take()?.stop() ?? 0)
        case ("unforge", 1):
            _ = try flood.take()?.stop()
            try forged?.reset()
            forged = nil
            return ""
        default:
            guard let answer = try sockets.answer(words) else { throw ScenarioFailure("unknown command: \(words.joined(separator: " "))") }
            return answer
        }
    }

    private func close(reset: Bool = false) throws {
        guard let connected = socket.take() else { return }
        // A sender or receiver blocked in poll(2) wakes on the shutdown; its descriptor must live until it has gone.
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

extension String {
    fileprivate var trimmed: String { hasSuffix(" ") ? String(dropLast()) : self }
}

/// Sends the pattern from a thread of its own, so that the peer goes on taking commands.
final class BackgroundSender: @unchecked Sendable {
    let descriptor: Int32
    let pattern: PayloadPattern
    private let bytes: UInt64
    let start: UInt64
    private let sizes: [Int]
    private var thread = pthread_t()
    // Written by the thread, read after it was joined.
    private var sent: UInt64 = 0
    private var failure: Int32 = 0
    private var joined = false
    private let stopping = Atomic(false)

    /// - Parameters:
    ///   - bytes: how many; 0 for no end.
    ///   - start: the offset of the first in the stream.
    ///   - sizes: of the writes, over and over.
    init(_ descriptor: Int32, _ pattern: PayloadPattern, bytes: UInt64, from start: UInt64 = 0, sizes: [Int] = [16384]) throws {
        self.descriptor = descriptor
        self.pattern = pattern
        self.bytes = bytes
        self.start = start
        self.sizes = sizes
        let context = Unmanaged.passRetained(self).toOpaque()
        let error = pthread_create(
            &thread, nil,
            { raw in
                if let raw { Unmanaged<BackgroundSender>.fromOpaque(raw).takeRetainedValue().loop() }
                return nil
            }, context)
        guard error == 0 else {
            Unmanaged<BackgroundSender>.fromOpaque(context).release()
            throw KernelError("starting the sender", errno: Errno(rawValue: error))
        }
    }

    /// Waits for the end; gives the bytes that the socket took.
    func join() throws -> UInt64 {
        finish()
        guard failure == 0 else { throw KernelError("sending, \(sent) of \(bytes) bytes gone", errno: Errno(rawValue: failure)) }
        return sent
    }

    /// Waits for the end, however it came.
    func finish() {
        guard !joined else { return }
        pthread_join(thread, nil)
        joined = true
    }

    /// Ends the sending where it is, at the latest when the socket has been full for 20 ms.
    func stop() {
        stopping.store(true, ordering: .relaxed)
        finish()
    }

    private func loop() {
        var chunk = [UInt8](repeating: 0, count: sizes.max() ?? 16384)
        var turn = 0
        var left = 0
        while !stopping.load(ordering: .relaxed), bytes == 0 || sent < bytes {
            if left == 0 {
                left = sizes.isEmpty ? chunk.count : sizes[turn % sizes.count]
                turn += 1
            }
            let wanted = bytes == 0 ? left : min(left, Int(bytes - sent))
            let first = start + sent
            let count = chunk.withUnsafeMutableBytes { buffer -> Int in
                pattern.fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), from: first)
                return Glibc.send(descriptor, buffer.baseAddress, wanted, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                sent += UInt64(count)
                left -= count
            } else if errno == EAGAIN {
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&entry, 1, 20)
            } else if errno != EINTR {
                failure = errno
                return
            }
        }
    }
}

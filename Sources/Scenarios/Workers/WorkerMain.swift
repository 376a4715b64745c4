// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
public import Results

/// The parts of scenarios that run in worker processes.
public enum WorkerMain {
    /// Registers zcrx and receives until it is killed: "listen" is answered when the queue is registered and the socket
    /// listens, "receive N" with the number of net_iovs when the user holds N bytes; then it continues to receive and return.
    ///
    /// - Parameter scale: the factor on its deadlines.
    public static func receiveForEver(
        ifindex: UInt32, queue: UInt32, local: String, scale: Double, next: () -> String?, reply: (String) -> Void
    ) throws {
        guard next() == "listen" else { return }
        let pattern = PayloadPattern(seed: 4)
        let receiver = try ZeroCopyReceiver(
            at: .init(ifindex: ifindex, queue: queue), pages: 512, statistics: false, pattern: pattern)
        let listener = try Connection.listen(on: local)
        reply("ok")
        guard let words = next()?.split(separator: " "), words.first == "receive", words.count == 2, let bytes = UInt64(words[1]) else {
            listener.close()
            return
        }
        let socket = Connection(try TCP.accept(listener, timeoutMilliseconds: CInt(10_000 * scale)))
        listener.close()
        try receiver.receive(from: socket.rawValue, total: bytes, hold: true, within: 20 * scale)
        reply("ok \(receiver.heldNetIovs)")
        try receiver.receive(from: socket.rawValue, total: .max, hold: false, within: 3600)
    }

    /// Has a provider and a connection, and performs the commands of ``ProviderWorkerCommands``: the part that can be killed at any time.
    public static func runProvider(
        _ provider: Provider, ifindex: UInt32, queue: UInt32, local: String, scale: Double, next: () -> String?, reply: (String) -> Void
    ) throws {
        let commands = ProviderWorkerCommands(provider, ifindex: ifindex, queue: queue, local: local, scale: scale)
        while let line = next() {
            do {
                let answer = try commands.answer(line.split(separator: " ").map(String.init))
                reply(answer.isEmpty ? "ok" : "ok \(answer)")
            } catch {
                reply("\(error)")
            }
        }
    }

    static let sendSeed: UInt64 = 51

    /// The user that sends.
    public enum Sender: String, Sendable {
        case root
        /// A user that may not lock memory (RLIMIT_MEMLOCK 0).
        case limited

        func become() throws { if self == .limited { try LockedMemory.limit(bytes: 0) } }
    }

    /// Binds a dma-buf for sending and sends it until it is killed: "listen" is answered when it is bound and a socket listens, "send"
    /// with the number of bytes whose completion it has read; then it continues.
    ///
    /// - Parameter scale: the factor on its deadlines.
    public static func sendForEver(
        ifindex: UInt32, local: String, scale: Double, sender: Sender, next: () -> String?, reply: (String) -> Void
    ) throws {
        guard next() == "listen" else { return }
        let transmitter = try Transmitter(ifindex: ifindex, pages: 64)
        let listener = try Connection.listen(on: local)
        reply("ok")
        guard next() == "send" else {
            listener.close()
            return
        }
        let socket = Connection(try TCP.accept(listener, timeoutMilliseconds: CInt(10_000 * scale)))
        listener.close()
        try DeviceMemory.enableZeroCopy(socket: socket.rawValue)
        try sender.become()
        // One half is being sent while the other is filled.
        let half = transmitter.size / 2
        let pattern = PayloadPattern(seed: sendSeed)
        for turn in 0... {
            try transmitter.put(pattern, from: transmitter.sent, at: turn % 2 * half, count: half)
            // The first bytes are small sends that share a packet, and so its accounting.
            let small = turn == 0 ? 4000 : 0
            for place in stride(from: 0, to: small, by: 500) {
                try transmitter.sendAll(socket.rawValue, at: place, count: 500, more: true, within: 20 * scale)
            }
            try transmitter.sendAll(socket.rawValue, at: turn % 2 * half + small, count: half - small, within: 20 * scale)
            if turn % 2 == 1 { try transmitter.awaitCompletions(socket.rawValue, within: 20 * scale) }
            if turn == 1 { reply("ok \(transmitter.sent)") }
        }
    }

    /// Binds devmem, and closes the binding at the next command.
    public static func bindDevmem(ifindex: UInt32, queue: UInt32, next: () -> String?, reply: (String) -> Void) throws {
        guard next() == "bind" else { return }
        let receiver = try DevmemReceiver(ifindex: ifindex, queue: queue, pages: 512, pattern: PayloadPattern(seed: 0))
        reply("ok")
        _ = next()
        receiver.close()
    }

    /// Reduces its privileges and tries to bind. What needs no capability (the dma-buf) is made before.
    ///
    /// - Parameter privilege: "nobody", or "own-namespace".
    /// - Returns: the name of the errno of the refusal, or "granted".
    public static func attemptUnprivileged(_ provider: Provider, ifindex: UInt32, queue: UInt32, privilege: String) -> String {
        guard let privilege = Privilege(rawValue: privilege) else { return "there is no privilege \(privilege)" }
        var failure: String?
        let error = BindAttempt.attempt(provider, ifindex: ifindex, queue: queue) {
            do {
                try privilege.reduce()
            } catch {
                failure = "\(error)"
                throw error
            }
        }
        return failure ?? error?.codeName ?? "granted"
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
public import Results

/// The parts of scenarios that run in processes of their own.
public enum WorkerMain {
    /// Registers zcrx and receives until it is killed: "listen" is answered when the queue is registered and the socket
    /// listens, "receive N" with the number of net_iovs when N bytes are held by the user; then it goes on receiving and returning.
    ///
    /// - Parameter patience: multiplies its deadlines.
    public static func receiveForEver(
        ifindex: UInt32, queue: UInt32, local: String, patience: Double, next: () -> String?, say: (String) -> Void
    ) throws {
        guard next() == "listen" else { return }
        let pattern = PayloadPattern(seed: 4)
        let receiver = try ZeroCopyReceiver(
            at: .init(ifindex: ifindex, queue: queue), pages: 512, statistics: false, pattern: pattern)
        let listener = try Connection.listen(on: local)
        say("ok")
        guard let words = next()?.split(separator: " "), words.first == "receive", words.count == 2, let bytes = UInt64(words[1]) else {
            listener.close()
            return
        }
        let socket = Connection(try TCP.accept(listener, timeoutMilliseconds: CInt(10_000 * patience)))
        listener.close()
        try receiver.receive(from: socket.rawValue, total: bytes, hold: true, within: 20 * patience)
        say("ok \(receiver.heldNetIovs)")
        try receiver.receive(from: socket.rawValue, total: .max, hold: false, within: 3600)
    }

    /// Owns a provider and a connection, and does as it is told: the part that can be killed at any time (`OwnerWorker`).
    public static func own(
        _ provider: Provider, ifindex: UInt32, queue: UInt32, local: String, patience: Double, next: () -> String?, say: (String) -> Void
    ) throws {
        let owner = ProviderWorkerPart(provider, ifindex: ifindex, queue: queue, local: local, patience: patience)
        while let line = next() {
            do {
                let answer = try owner.answer(line.split(separator: " ").map(String.init))
                say(answer.isEmpty ? "ok" : "ok \(answer)")
            } catch {
                say("\(error)")
            }
        }
    }

    static let sendSeed: UInt64 = 51

    /// Who sends.
    public enum Sender: String, Sendable {
        case root
        /// Whom the kernel lets lock no memory.
        case limited

        func become() throws { if self == .limited { try LockedMemory.limit(bytes: 0) } }
    }

    /// Binds a dma-buf for sending and sends it until it is killed: "listen" is answered when it is bound and a socket listens, "send"
    /// with the number of bytes of which it saw the completion; then it goes on.
    ///
    /// - Parameter patience: multiplies its deadlines.
    public static func sendForEver(
        ifindex: UInt32, local: String, patience: Double, sender: Sender, next: () -> String?, say: (String) -> Void
    ) throws {
        guard next() == "listen" else { return }
        let transmitter = try Transmitter(ifindex: ifindex, pages: 64)
        let listener = try Connection.listen(on: local)
        say("ok")
        guard next() == "send" else {
            listener.close()
            return
        }
        let socket = Connection(try TCP.accept(listener, timeoutMilliseconds: CInt(10_000 * patience)))
        listener.close()
        try DeviceMemory.enableZeroCopy(socket: socket.rawValue)
        try sender.become()
        // One half is under way while the other is filled.
        let half = transmitter.size / 2
        let pattern = PayloadPattern(seed: sendSeed)
        for turn in 0... {
            try transmitter.put(pattern, from: transmitter.sent, at: turn % 2 * half, count: half)
            // The first bytes in small sends that share a packet, and so the account of one.
            let small = turn == 0 ? 4000 : 0
            for place in stride(from: 0, to: small, by: 500) {
                try transmitter.sendAll(socket.rawValue, at: place, count: 500, more: true, within: 20 * patience)
            }
            try transmitter.sendAll(socket.rawValue, at: turn % 2 * half + small, count: half - small, within: 20 * patience)
            if turn % 2 == 1 { try transmitter.awaitCompletions(socket.rawValue, within: 20 * patience) }
            if turn == 1 { say("ok \(transmitter.sent)") }
        }
    }

    /// Binds devmem and does nothing more until it is killed or told.
    public static func bindDevmem(ifindex: UInt32, queue: UInt32, next: () -> String?, say: (String) -> Void) throws {
        guard next() == "bind" else { return }
        let receiver = try DevmemReceiver(ifindex: ifindex, queue: queue, pages: 512, pattern: PayloadPattern(seed: 0))
        say("ok")
        _ = next()
        receiver.close()
    }

    /// Gives up its privileges and tries to bind; the name of the errno of the refusal, or "granted". What does not need the
    /// kernel's leave to administer the network (the dma-buf) is made before.
    ///
    /// - Parameter standing: "nobody", or "own-namespace".
    public static func attemptUnprivileged(_ provider: Provider, ifindex: UInt32, queue: UInt32, standing: String) -> String {
        guard let standing = Standing(rawValue: standing) else { return "no such standing: \(standing)" }
        var given: String?
        let error = BindAttempt.attempt(provider, ifindex: ifindex, queue: queue) {
            do {
                try standing.take()
            } catch {
                given = "\(error)"
                throw error
            }
        }
        return given ?? error?.codeName ?? "granted"
    }
}

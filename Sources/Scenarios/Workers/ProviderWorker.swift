// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// The worker's side: a provider, a listening socket, a connection. Commands, each answered with "ok ..." or the error:
///
///     bind SEED         binds the provider to the queue
///     bind SEED kernel  the same with a refill ring in memory of the kernel's, which only zcrx has
///     bind SEED PAGES   the same with so many pages
///     listen            listens; then "accept" takes the connection
///     receive N keep    N bytes more of the stream, kept; "ok NET_IOVS" held by now
///     receive N return  the same, given back at once
///     unread N          waits until N bytes lie in the socket
///     recheck           what is held is as it came
///     return            gives back what is held
///     abort             has the connection end by a reset when it is closed
///     lock BYTES        is held to so many bytes of locked memory from now on
///     counts            "ok FDS LOCKED": its descriptors, and the bytes that it has pinned or locked
///     close             closes the connection
///     end               ends the provider
final class ProviderWorkerPart {
    private let provider: Provider
    private let ifindex: UInt32
    private let queue: UInt32
    private let local: String
    private let patience: Double
    private var receiver: (any ProviderReceiver)?
    private var listener: OwnedDescriptor?
    private var connection: Connection?

    init(_ provider: Provider, ifindex: UInt32, queue: UInt32, local: String, patience: Double) {
        self.provider = provider
        self.ifindex = ifindex
        self.queue = queue
        self.local = local
        self.patience = patience
    }

    func answer(_ words: [String]) throws -> String {
        switch (words.first, words.count) {
        case ("bind", 2), ("bind", 3):
            let kernel = words.last == "kernel"
            guard let seed = UInt64(words[1]), let pages = words.count == 2 || kernel ? 512 : Int(words[2]) else { break }
            receiver?.end()
            receiver = try make(PayloadPattern(seed: seed), pages, kernel ? .kernel : .user)
            return ""
        case ("listen", 1):
            listener.take()?.close()
            listener = try Connection.listen(on: local)
            return ""
        case ("accept", 1):
            guard let socket = listener.take() else { throw ScenarioFailure("nothing listens") }
            let accepted = Result { try TCP.accept(socket, timeoutMilliseconds: CInt(10_000 * patience)) }
            socket.close()
            connection = Connection(try accepted.get())
            receiver?.beginStream()
            return ""
        case ("receive", 3):
            guard let bytes = UInt64(words[1]) else { break }
            let receiver = try bound()
            let socket = try connected().rawValue
            try receiver.receive(from: socket, total: receiver.received + bytes, hold: words[2] == "keep", within: 20 * patience)
            try receiver.disarm(within: 10 * patience)
            return String(receiver.heldNetIovs)
        case ("unread", 2):
            guard let bytes = Int(words[1]) else { break }
            try connected().waitUnread(bytes, within: 20 * patience)
            return ""
        case ("recheck", 1):
            try bound().recheckHeld()
            return ""
        case ("return", 1):
            // zcrx wants no socket.
            try bound().returnAll(to: connection?.rawValue ?? -1)
            return ""
        case ("abort", 1):
            try connected().abortOnClose()
            return ""
        case ("lock", 2):
            guard let bytes = UInt64(words[1]) else { break }
            try LockedMemory.limit(bytes: bytes)
            return ""
        case ("counts", 1):
            let counters = try ResourceCounters.read(links: 0)
            return "\(counters["fds"] ?? 0) \(counters["locked-bytes"] ?? 0)"
        case ("close", 1):
            try connected().close()
            connection = nil
            // Tokens went with their socket.
            (receiver as? DevmemReceiver)?.forgetHeld { _ in true }
            return ""
        case ("end", 1):
            try bound().end()
            return ""
        default: break
        }
        throw ScenarioFailure("unknown command: \(words.joined(separator: " "))")
    }

    private func make(
        _ pattern: PayloadPattern, _ pages: Int, _ memory: ZeroCopyReceive.Registration.RefillMemory
    ) throws -> any ProviderReceiver {
        switch provider {
        case .zcrx:
            try ZeroCopyReceiver(at: .init(ifindex: ifindex, queue: queue), pages: pages, statistics: false, pattern: pattern) {
                $0.refillMemory = memory
            }
        case .devmem: try DevmemReceiver(ifindex: ifindex, queue: queue, pages: pages, pattern: pattern)
        case .pages: throw ScenarioFailure("ordinary pages have no owner")
        }
    }

    private func bound() throws -> any ProviderReceiver {
        guard let receiver else { throw ScenarioFailure("no provider was bound") }
        return receiver
    }

    private func connected() throws -> Connection {
        guard let connection else { throw ScenarioFailure("not connected") }
        return connection
    }
}

/// The scenario's side of the owner: a process that can be killed, and the marks of what it holds.
final class ProviderWorker {
    private let run: ScenarioRun
    private let worker: ChildProcess

    init(_ run: ScenarioRun, _ provider: Provider, _ bed: any TestBed) throws {
        self.run = run
        worker = try run.environment.startWorker(
            ["own", provider.rawValue, String(bed.ifindex), String(bed.queue), bed.local, String(run.timeout(1))])
    }

    @discardableResult
    func ask(_ command: String) throws -> String { try worker.ask(command, within: run.timeout(30)) }

    func kill() throws { try worker.killNow() }

    /// Lets it end by itself, closing what it has.
    func finish() throws { try worker.finish(within: run.timeout(10)) }
}

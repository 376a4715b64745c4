// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// The worker's side: a provider, a listening socket, a connection. Each command is answered with "ok ..." or the error:
///
///     bind SEED         binds the provider to the queue
///     bind SEED kernel  the same with a refill ring in memory of the kernel (zcrx)
///     bind SEED PAGES   the same with so many pages
///     listen            listens; "accept" then accepts the connection
///     receive N hold    receives N bytes more of the stream and holds them; "ok NET_IOVS" held now
///     receive N return  the same, returned at once
///     unread N          waits until N bytes are unread in the socket
///     recheck           checks that what is held is unchanged
///     return            returns what is held
///     abort             makes the close of the connection a reset
///     lock BYTES        limits its locked memory to so many bytes
///     counts            "ok FDS LOCKED": its descriptors, and the bytes that it has pinned or locked
///     close             closes the connection
///     end               ends the provider
final class ProviderWorkerCommands {
    private let provider: Provider
    private let ifindex: UInt32
    private let queue: UInt32
    private let local: String
    private let scale: Double
    private var receiver: (any ProviderReceiver)?
    private var listener: OwnedDescriptor?
    private var connection: Connection?

    init(_ provider: Provider, ifindex: UInt32, queue: UInt32, local: String, scale: Double) {
        self.provider = provider
        self.ifindex = ifindex
        self.queue = queue
        self.local = local
        self.scale = scale
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
            let accepted = Result { try TCP.accept(socket, timeoutMilliseconds: CInt(10_000 * scale)) }
            socket.close()
            connection = Connection(try accepted.get())
            receiver?.beginStream()
            return ""
        case ("receive", 3):
            guard let bytes = UInt64(words[1]) else { break }
            let receiver = try bound()
            let socket = try connected().rawValue
            try receiver.receive(from: socket, total: receiver.received + bytes, hold: words[2] == "hold", within: 20 * scale)
            try receiver.disarm(within: 10 * scale)
            return String(receiver.heldNetIovs)
        case ("unread", 2):
            guard let bytes = Int(words[1]) else { break }
            try connected().waitUnread(bytes, within: 20 * scale)
            return ""
        case ("recheck", 1):
            try bound().recheckHeld()
            return ""
        case ("return", 1):
            // zcrx needs no socket.
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
            // The close has released the tokens of the socket.
            (receiver as? DevmemReceiver)?.dropHeld { _ in true }
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
        case .pages: throw ScenarioFailure("ordinary pages have no provider")
        }
    }

    private func bound() throws -> any ProviderReceiver {
        guard let receiver else { throw ScenarioFailure("no provider is bound") }
        return receiver
    }

    private func connected() throws -> Connection {
        guard let connection else { throw ScenarioFailure("not connected") }
        return connection
    }
}

/// The scenario's side of the worker: a process that has a provider and can be killed.
final class ProviderWorker {
    private let run: ScenarioRun
    private let worker: ChildProcess

    init(_ run: ScenarioRun, _ provider: Provider, _ bed: any TestBed) throws {
        self.run = run
        worker = try run.environment.startWorker(
            ["provider", provider.rawValue, String(bed.ifindex), String(bed.queue), bed.local, String(run.timeout(1))])
    }

    @discardableResult
    func perform(_ command: String) throws -> String { try worker.perform(command, within: run.timeout(30)) }

    func kill() throws { try worker.killNow() }

    /// Waits until it has closed everything and ended.
    func finish() throws { try worker.finish(within: run.timeout(10)) }
}

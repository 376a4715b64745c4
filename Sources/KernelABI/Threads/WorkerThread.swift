// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage
internal import Synchronization

/// The request of a ``WorkerThread``'s owner that the thread ends.
public final class StopRequest: Sendable {
    private let flag = Atomic(false)

    /// Whether the owner has called ``WorkerThread/requestStop()``.
    public var isRequested: Bool { flag.load(ordering: .acquiring) }

    func request() { flag.store(true, ordering: .releasing) }
}

/// A pthread that runs one closure and hands its result, or its error, to the owner that joins it.
///
/// It is a thread of its own, and not a task: a network namespace, a CPU affinity and a blocking system call belong to a thread.
///
///     let sender = try WorkerThread("sender") { stop in
///         var sent = 0
///         while !stop.isRequested { sent += try send() }
///         return sent
///     }
///     sender.requestStop()
///     let sent = try sender.join()
///
/// A closure that blocks in a system call does not test the request; its owner also has to end the call, for example by shutdown(2) on the socket.
/// The owner joins every thread. When a thread is dropped without a join, it is requested to stop and detached, and noted in ``DroppedHandles``.
public final class WorkerThread<Value: Sendable>: Sendable {
    /// The name, for errors and, in its first 15 bytes, for the kernel (`comm`).
    public let name: String

    private let stop = StopRequest()
    private let outcome = Outcome()
    private let thread: pthread_t
    private let joined = Mutex(false)

    private final class Outcome: Sendable {
        let value = Mutex<Result<Value, any Error>?>(nil)
    }

    /// Starts the thread.
    ///
    /// - Parameter body: runs on the thread. It returns soon after the request that it is given is made.
    /// - Throws: the errno of pthread_create(3), `EAGAIN` where there can be no more threads.
    public init(_ name: String, _ body: sending @escaping (StopRequest) throws -> Value) throws(KernelError) {
        self.name = name
        let (stop, outcome) = (stop, outcome)
        let entry = ThreadEntry(name) {
            let result = Result { try body(stop) }
            outcome.value.withLock { $0 = result }
        }
        thread = try entry.start()
    }

    /// Requests the closure to return, and does not wait for it. May be called more than once, and after the end.
    public func requestStop() { stop.request() }

    /// Waits for the end of the thread.
    ///
    /// - Returns: what the closure returned. Each call gives the same.
    /// - Throws: what the closure threw, likewise at each call.
    public func join() throws -> Value {
        wait()
        guard let result = outcome.value.withLock({ $0 }) else {
            throw KernelError("joining thread \(name), which ended without a result", errno: .noSuchProcess)
        }
        return try result.get()
    }

    /// Waits for the end of the thread, whatever the closure returned or threw. May be called more than once.
    public func wait() {
        joined.withLock { joined in
            guard !joined else { return }
            pthread_join(thread, nil)
            joined = true
        }
    }

    /// Waits for the end of the thread for a limited time.
    ///
    /// - Returns: whether it has ended.
    public func wait(timeoutMilliseconds: CInt) -> Bool {
        joined.withLock { joined in
            joined = joined || ppiov_thread_join(thread, max(timeoutMilliseconds, 0)) == 0
            return joined
        }
    }

    deinit {
        guard !joined.withLock({ $0 }) else { return }
        stop.request()
        pthread_detach(thread)
        DroppedHandles.note("thread \(name)")
    }
}

/// The closure of a new thread. A C function pointer cannot be generic, so pthread_create(3) gets the address of this object.
private final class ThreadEntry {
    private let name: String
    private let body: () -> Void

    init(_ name: String, _ body: @escaping () -> Void) {
        self.name = name
        self.body = body
    }

    func start() throws(KernelError) -> pthread_t {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let error = pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                let entry = Unmanaged<ThreadEntry>.fromOpaque(raw).takeRetainedValue()
                _ = ppiov_thread_set_name(entry.name)
                entry.body()
                return nil
            }, context.toOpaque())
        guard error == 0 else {
            context.release()
            throw KernelError("starting thread \(name)", errno: Errno(rawValue: error))
        }
        return thread
    }
}

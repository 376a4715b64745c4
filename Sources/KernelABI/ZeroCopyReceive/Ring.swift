// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

extension ZeroCopyReceive {
    /// An io_uring, set up as zero-copy receive requires.
    ///
    /// Only the thread that made it may use it (`IORING_SETUP_SINGLE_ISSUER`). `close()` closes it; the kernel then removes its interface queues,
    /// which takes some time. A ring that is dropped is closed and noted in ``DroppedHandles``.
    public struct Ring: ~Copyable {
        /// Setup flags in addition to `IORING_SETUP_CLAMP` and `IORING_SETUP_SUBMIT_ALL`.
        public struct Setup: OptionSet, Sendable, Hashable {
            public let rawValue: UInt32
            public init(rawValue: UInt32) { self.rawValue = rawValue }
            /// 32-byte completions (`IORING_SETUP_CQE32`); the kernel refuses zcrx registrations without these or mixed ones.
            public static let bigCompletions = Setup(rawValue: UInt32(PPIOV_SETUP_CQE32))
            /// `IORING_SETUP_SINGLE_ISSUER`.
            public static let singleIssuer = Setup(rawValue: UInt32(PPIOV_SETUP_SINGLE_ISSUER))
            /// `IORING_SETUP_DEFER_TASKRUN`; needs single issuer. The kernel refuses zcrx registrations without it.
            public static let deferTaskRun = Setup(rawValue: UInt32(PPIOV_SETUP_DEFER_TASKRUN))
            /// Completions of 16 bytes, and of 32 where the request needs them (`IORING_SETUP_CQE_MIXED`, 6.18); in place of `bigCompletions`.
            public static let mixedCompletions = Setup(rawValue: UInt32(PPIOV_SETUP_CQE_MIXED))
            /// What zero-copy receive requires, with 32-byte completions.
            public static let zeroCopyReceive: Setup = [.bigCompletions, .singleIssuer, .deferTaskRun]
            /// What zero-copy receive requires, with mixed completions.
            public static let zeroCopyReceiveMixed: Setup = [.mixedCompletions, .singleIssuer, .deferTaskRun]
        }

        let raw: OpaquePointer

        /// - Parameters:
        ///   - entries: of the submission queue.
        ///   - completionEntries: of the completion queue; nil takes twice the submission queue.
        ///   - setup: a flag is left out only to test the refusal.
        /// - Throws: `EINVAL` where the kernel does not have a flag (6.1 at least, 6.18 for mixed completions), `EPERM`, `ENOMEM`.
        public init(
            entries: UInt32 = 64, completionEntries: UInt32? = 1024, setup: Setup = .zeroCopyReceive
        ) throws(KernelError) {
            var opened: OpaquePointer?
            let flags = setup.rawValue | UInt32(PPIOV_SETUP_CLAMP) | UInt32(PPIOV_SETUP_SUBMIT_ALL)
            try check(
                ppiov_ring_open(entries, completionEntries ?? 0, flags, &opened),
                "setting up an io_uring of \(entries) entries")
            guard let opened else { throw KernelError("setting up an io_uring", errno: .badAddress) }
            raw = opened
        }

        /// The ring's descriptor.
        public var fileDescriptor: CInt { ppiov_ring_fd(raw) }

        /// Registers a descriptor's file with the ring (`IORING_REGISTER_FILES`). The ring holds it until the kernel frees the ring, some time after
        /// `close()`. Can be called once.
        public borrowing func hold(_ descriptor: CInt) throws(KernelError) {
            try check(ppiov_ring_hold_file(raw, descriptor), "registering descriptor \(descriptor) with an io_uring")
        }

        /// Completions that the kernel dropped because the queue was full. With each, user space has lost a buffer until the ring is closed.
        public var lostCompletions: UInt32 { ppiov_ring_overflow(raw) }

        borrowing func lastRequestOpcode() -> CInt { ppiov_probe_last_op(raw) }

        /// Submits a zero-copy receive; its completions carry payload until the end of the stream or the limit.
        ///
        /// - Parameters:
        ///   - socket: a connected TCP socket.
        ///   - queue: the id of an interface queue of this ring.
        ///   - length: the limit in bytes; 0 for none.
        ///   - multishot: the kernel refuses the request without it.
        ///   - pollFirst: poll the socket before the first receive (`IORING_RECVSEND_POLL_FIRST`).
        /// - Throws: an errno of the submission. A refusal of the request itself is in its completion.
        public borrowing func receive(
            socket: CInt, queue: UInt32, length: UInt32 = 0, multishot: Bool = true, pollFirst: Bool = false, userData: UInt64
        ) throws(KernelError) {
            try check(
                ppiov_ring_recv_zc(raw, socket, queue, length, multishot, pollFirst, userData),
                "submitting a zero-copy receive of socket \(socket)")
        }

        /// Cancels the request whose user data is `target`. Two completions follow: the request's own (`-ECANCELED`), and that of this one.
        public borrowing func cancel(_ target: UInt64, userData: UInt64) throws(KernelError) {
            try check(ppiov_ring_cancel(raw, target, userData), "cancelling request \(target)")
        }

        /// Waits for a completion; nil at the timeout.
        ///
        /// - Parameter timeoutMilliseconds: 0 does not wait; negative waits without limit.
        public borrowing func wait(timeoutMilliseconds: CInt) throws(KernelError) -> Completion? {
            if let ready = try peek() { return ready }
            let deadline = Deadline(milliseconds: timeoutMilliseconds)
            var completion = ppiov_completion()
            while true {
                let left = deadline.remaining
                if left == 0 { return try peek() }
                let limit: UInt64 = left < 0 ? 3_600_000 : UInt64(left)
                let result = ppiov_ring_wait(raw, limit * 1_000_000, &completion)
                if result == -EINTR || result == 0 { continue }
                try check(result, "waiting for a completion")
                return Completion(completion)
            }
        }

        /// The next completion, without waiting; nil where there is none.
        public borrowing func peek() throws(KernelError) -> Completion? {
            var completion = ppiov_completion()
            let result = try check(ppiov_ring_peek(raw, &completion), "reading a completion")
            return result == 1 ? Completion(completion) : nil
        }

        /// Closes the ring. The kernel removes its interface queues some time later: watch their page pools and queues.
        public consuming func close() {
            ppiov_ring_close(raw)
            discard self
        }

        deinit {
            DroppedHandles.note("an io_uring")
            ppiov_ring_close(raw)
        }
    }
}

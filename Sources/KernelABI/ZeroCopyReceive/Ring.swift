// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

extension ZeroCopyReceive {
    /// An io_uring, set up as zero-copy receive demands.
    ///
    /// It is used from the thread that made it (`IORING_SETUP_SINGLE_ISSUER`). `close()` ends it; the kernel then takes its
    /// interface queues down, and is done with that some time later. Dropped, it is closed and noted in ``DroppedHandles``.
    public struct Ring: ~Copyable {
        /// How to set the ring up, beyond `IORING_SETUP_CLAMP` and `IORING_SETUP_SUBMIT_ALL`.
        public struct Setup: OptionSet, Sendable, Hashable {
            public let rawValue: UInt32
            public init(rawValue: UInt32) { self.rawValue = rawValue }
            /// 32-byte completions (`IORING_SETUP_CQE32`); zcrx registrations are refused without these or mixed ones.
            public static let bigCompletions = Setup(rawValue: 1 << 11)
            /// `IORING_SETUP_SINGLE_ISSUER`.
            public static let singleIssuer = Setup(rawValue: 1 << 12)
            /// `IORING_SETUP_DEFER_TASKRUN`; needs single issuer. zcrx registrations are refused without.
            public static let deferTaskRun = Setup(rawValue: 1 << 13)
            /// Completions of 16 bytes, and of 32 where there is so much to tell (`IORING_SETUP_CQE_MIXED`, 6.18); in place of `bigCompletions`.
            public static let mixedCompletions = Setup(rawValue: 1 << 18)
            /// What zero-copy receive demands, in its older form.
            public static let zeroCopyReceive: Setup = [.bigCompletions, .singleIssuer, .deferTaskRun]
            /// What it takes as well.
            public static let zeroCopyReceiveMixed: Setup = [.mixedCompletions, .singleIssuer, .deferTaskRun]
        }

        let raw: OpaquePointer

        /// - Parameters:
        ///   - entries: of the submission queue.
        ///   - completionEntries: of the completion queue; nil takes twice the submission queue.
        ///   - setup: leave something out only to test the refusal.
        /// - Throws: `EINVAL` where the kernel does not know a flag (6.1 at least, 6.18 for mixed completions), `EPERM`, `ENOMEM`.
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

        /// Has the ring hold the file of a descriptor (`IORING_REGISTER_FILES`) until the kernel is done with the ring, which is some time
        /// after `close()`. Once.
        public borrowing func hold(_ descriptor: CInt) throws(KernelError) {
            try check(ppiov_ring_hold_file(raw, descriptor), "registering descriptor \(descriptor) with an io_uring")
        }

        /// Completions that the kernel had no room for. With each, a buffer is lost to user space until the ring is closed.
        public var lostCompletions: UInt32 { ppiov_ring_overflow(raw) }

        borrowing func lastRequestOpcode() -> CInt { ppiov_probe_last_op(raw) }

        /// Submits a zero-copy receive; its completions bring payload until the stream or the limit ends.
        ///
        /// - Parameters:
        ///   - socket: a connected TCP socket.
        ///   - queue: the id of an interface queue of this ring.
        ///   - length: the limit in bytes; 0 for none.
        ///   - multishot: the kernel demands it always; false tests the refusal.
        ///   - pollFirst: wait for the socket before the first look at it (`IORING_RECVSEND_POLL_FIRST`).
        /// - Throws: what submitting meets. A refusal of the request itself comes as its completion.
        public borrowing func receive(
            socket: CInt, queue: UInt32, length: UInt32 = 0, multishot: Bool = true, pollFirst: Bool = false, userData: UInt64
        ) throws(KernelError) {
            try check(
                ppiov_ring_recv_zc(raw, socket, queue, length, multishot, pollFirst, userData),
                "submitting a zero-copy receive of socket \(socket)")
        }

        /// Cancels the request that carries `target`. Two completions follow: the request's own (`-ECANCELED`), and this one's.
        public borrowing func cancel(_ target: UInt64, userData: UInt64) throws(KernelError) {
            try check(ppiov_ring_cancel(raw, target, userData), "cancelling request \(target)")
        }

        /// Waits for a completion; nil at the timeout.
        ///
        /// - Parameter timeoutMilliseconds: 0 looks once and does not wait; negative waits without limit.
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

        /// Takes a completion if there is one; never waits.
        public borrowing func peek() throws(KernelError) -> Completion? {
            var completion = ppiov_completion()
            let result = try check(ppiov_ring_peek(raw, &completion), "looking for a completion")
            return result == 1 ? Completion(completion) : nil
        }

        /// Closes the ring. Its interface queues go once the kernel gets to it: watch their page pools and queues.
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

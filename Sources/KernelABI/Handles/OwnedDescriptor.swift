// SPDX-License-Identifier: GPL-2.0

internal import Glibc

/// A file descriptor with one owner.
///
/// `close()` closes it, and `take()` hands it to the caller. When it is dropped it is closed too, and noted in ``DroppedHandles``.
public struct OwnedDescriptor: ~Copyable, Sendable {
    /// The descriptor, for calls that borrow it.
    public let rawValue: CInt

    /// Takes ownership of an open descriptor.
    public init(taking rawValue: CInt) {
        self.rawValue = rawValue
    }

    /// Closes the descriptor. The kernel frees it even where close(2) fails, so this does not throw.
    public consuming func close() {
        _ = Glibc.close(rawValue)
        discard self
    }

    /// Ends the ownership; the caller closes the descriptor.
    public consuming func take() -> CInt {
        let fd = rawValue
        discard self
        return fd
    }

    /// A second descriptor for the same open file.
    public borrowing func duplicate() throws(KernelError) -> OwnedDescriptor {
        let fd = fcntl(rawValue, F_DUPFD_CLOEXEC, 0)
        guard fd >= 0 else { throw lastError("dup of descriptor \(rawValue)") }
        return OwnedDescriptor(taking: fd)
    }

    deinit {
        DroppedHandles.note("descriptor \(rawValue)")
        _ = Glibc.close(rawValue)
    }
}

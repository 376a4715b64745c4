// SPDX-License-Identifier: GPL-2.0

internal import Glibc

/// A file descriptor with one owner.
///
/// It is closed by `close()`, or handed on by `take()`. Dropped, it is closed as well, and noted in ``DroppedHandles``.
public struct OwnedDescriptor: ~Copyable, Sendable {
    /// The descriptor, for calls that borrow it.
    public let rawValue: CInt

    /// Takes over an open descriptor.
    public init(taking rawValue: CInt) {
        self.rawValue = rawValue
    }

    /// Closes the descriptor. The kernel frees it even where it reports an error, hence no throw.
    public consuming func close() {
        _ = Glibc.close(rawValue)
        discard self
    }

    /// Gives the descriptor up; the caller closes it.
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

// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
public import SystemPackage

/// What was tried, and the errno that the kernel returned.
///
/// Its description reads, for example, `bind-rx of queue 0 on ifindex 3: EEXIST (File exists), kernel: designated queue
/// already memory provider bound`.
public struct KernelError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was tried, with the numbers that identify it.
    public let operation: String

    /// The kernel's errno.
    public let errno: Errno

    /// The reason in addition to the errno: the kernel's netlink extack message, or a reason found by reading the state afterwards.
    public let message: String?

    /// The offset of the attribute that the kernel rejects (`NLMSGERR_ATTR_OFFS`), in bytes from the netlink header.
    public let badAttributeOffset: UInt32?

    /// The type of the attribute that is missing in the request (`NLMSGERR_ATTR_MISS_TYPE`).
    public let missingAttribute: UInt32?

    /// - Parameter errno: a positive errno value.
    public init(
        _ operation: String, errno: Errno, message: String? = nil, badAttributeOffset: UInt32? = nil,
        missingAttribute: UInt32? = nil
    ) {
        self.operation = operation
        self.errno = errno
        self.message = message
        self.badAttributeOffset = badAttributeOffset
        self.missingAttribute = missingAttribute
    }

    /// The same, for code that does not import SystemPackage.
    ///
    /// - Parameter code: a positive errno value.
    public init(_ operation: String, code: CInt, message: String? = nil) {
        self.init(operation, errno: Errno(rawValue: code), message: message)
    }

    /// The errno as a plain number, for code that does not import SystemPackage.
    public var code: CInt { errno.rawValue }

    /// The errno's name, such as `EEXIST`; `errno 4000` where it has none.
    public var codeName: String {
        guard let name = ppiov_errno_name(code) else { return "errno \(code)" }
        return String(cString: name)
    }

    public var description: String {
        var text = "\(operation): \(codeName) (\(String(cString: strerror(code))))"
        if let message { text += ", kernel: \(message)" }
        if let badAttributeOffset { text += ", at byte \(badAttributeOffset) of the request" }
        if let missingAttribute { text += ", missing attribute \(missingAttribute)" }
        return text
    }

    /// The same error with one more reason, appended to the kernel's where there is one.
    public func adding(message more: String) -> KernelError {
        KernelError(
            operation, errno: errno, message: message.map { "\($0); \(more)" } ?? more,
            badAttributeOffset: badAttributeOffset, missingAttribute: missingAttribute)
    }
}

/// Throws where a shim returns `-errno`; returns other results.
@discardableResult
func check<I: SignedInteger & FixedWidthInteger>(
    _ result: I, _ operation: @autoclosure () -> String
) throws(KernelError) -> I {
    guard result < 0 else { return result }
    throw failure(result, operation())
}

/// The error for a shim's `-errno`.
func failure(_ result: some SignedInteger & FixedWidthInteger, _ operation: String) -> KernelError {
    KernelError(operation, errno: Errno(rawValue: CInt(clamping: 0 - Int64(result))))
}

/// The error of a Glibc call that has just failed.
func lastError(_ operation: String) -> KernelError {
    KernelError(operation, errno: Errno(rawValue: Glibc.errno))
}

// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc

/// Network namespaces. A namespace belongs to a thread, so these functions act on the calling thread, and none of them suspends.
public enum NetworkNamespace {
    /// A descriptor of the calling thread's namespace, from `/proc/thread-self/ns/net`; `/proc/self` is the main thread.
    public static func current() throws(KernelError) -> OwnedDescriptor {
        let fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw lastError("opening the thread's network namespace") }
        return OwnedDescriptor(taking: fd)
    }

    /// Makes a namespace that has only a loopback device, which is down. It exists as long as its descriptor, its sockets and the threads in it.
    /// Needs CAP_SYS_ADMIN.
    public static func make() throws(KernelError) -> OwnedDescriptor {
        let origin = try current()
        do throws(KernelError) {
            try check(ppiov_unshare_netns(), "making a network namespace")
            let made = try current()
            try enter(origin)
            origin.close()
            return made
        } catch {
            origin.close()
            throw error
        }
    }

    /// Moves the calling thread to a namespace. It stays there.
    public static func enter(_ namespace: borrowing OwnedDescriptor) throws(KernelError) {
        try check(ppiov_enter_netns(namespace.rawValue), "entering a network namespace")
    }

    /// Runs a closure with the calling thread in a namespace, and moves the thread back.
    ///
    /// Sockets made in the closure stay in that namespace.
    /// - Throws: what the closure throws, or a ``KernelError`` where the thread cannot enter or return.
    public static func run<R>(in namespace: borrowing OwnedDescriptor, _ body: () throws -> R) throws -> R {
        let origin = try current()
        do {
            try enter(namespace)
        } catch {
            origin.close()
            throw error
        }
        let result = Result { try body() }
        do {
            try enter(origin)
        } catch {
            origin.close()
            throw error
        }
        origin.close()
        return try result.get()
    }
}

/// A user namespace, in which capabilities are valid.
public enum UserNamespace {
    /// Moves the process to a new user namespace, in which it has every capability; it has none over objects outside. Its network namespace does
    /// not change.
    ///
    /// - Throws: the errno of unshare(2); `EINVAL` where the process has several threads.
    public static func enterNew() throws(KernelError) {
        try check(ppiov_unshare_userns(), "making a user namespace")
    }
}

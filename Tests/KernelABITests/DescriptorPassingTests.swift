// SPDX-License-Identifier: GPL-2.0

import Glibc
import Testing

@testable import KernelABI

/// Descriptors over unix sockets, and the close of those that the receiver has no space for.
struct DescriptorPassingTests {
    /// A pair of sockets, and a second pair of which one end is sent over the first. The other end reports POLLHUP once every copy of the sent end is
    /// closed. All of them are close-on-exec, so that a process that another test starts holds no copy.
    private struct Ends {
        let here, there, watching, watched: CInt

        init() throws {
            (here, there) = try DescriptorPassing.pair()
            (watching, watched) = try DescriptorPassing.pair()
        }

        /// Sends copies of the watched end, and closes the original.
        func send(_ count: Int) throws {
            try DescriptorPassing.send([CInt](repeating: watched, count: count), over: here)
            close(watched)
        }

        /// Whether every copy is closed, at the latest after that time.
        func isHungUp(within milliseconds: CInt = 20_000) -> Bool {
            var entry = pollfd(fd: watching, events: Int16(POLLIN), revents: 0)
            return poll(&entry, 1, milliseconds) == 1 && entry.revents & Int16(POLLHUP) != 0
        }

        func end() { for descriptor in [here, there, watching] { close(descriptor) } }
    }

    @Test(arguments: [1, 2, 3, 8])
    func eachIsReceived(_ count: Int) throws {
        let ends = try Ends()
        try ends.send(count)
        let received = try DescriptorPassing.receive(count, from: ends.there)
        #expect(received.count == count && !ends.isHungUp(within: 0))
        for descriptor in received {
            #expect(fcntl(descriptor, F_GETFD) == FD_CLOEXEC)
            close(descriptor)
        }
        #expect(ends.isHungUp())
        ends.end()
    }

    /// The kernel sets MSG_CTRUNC: that is an error, and every descriptor is closed.
    @Test(arguments: [(2, 1), (3, 2), (8, 1), (8, 7)])
    func moreThanRequestedIsAnError(_ sent: Int, _ requested: Int) throws {
        let ends = try Ends()
        try ends.send(sent)
        let error = #expect(throws: KernelError.self) { try DescriptorPassing.receive(requested, from: ends.there) }
        #expect(error?.code == EMSGSIZE)
        #expect(ends.isHungUp())
        ends.end()
    }

    @Test func fewerThanRequestedIsAnError() throws {
        let ends = try Ends()
        try ends.send(1)
        let error = #expect(throws: KernelError.self) { try DescriptorPassing.receive(2, from: ends.there) }
        #expect(error?.code == ENOMSG)
        #expect(ends.isHungUp())
        ends.end()
    }

    @Test func aMessageWithoutDescriptorsIsAnError() throws {
        let ends = try Ends()
        #expect(write(ends.here, [0] as [UInt8], 1) == 1)
        let without = #expect(throws: KernelError.self) { try DescriptorPassing.receive(1, from: ends.there) }
        #expect(without?.code == ENOMSG)
        close(ends.watched)
        ends.end()
    }

    @Test func countsOutOfRange() throws {
        let ends = try Ends()
        for count in [0, 9] {
            let sent = #expect(throws: KernelError.self) {
                try DescriptorPassing.send([CInt](repeating: ends.watched, count: count), over: ends.here)
            }
            let received = #expect(throws: KernelError.self) { try DescriptorPassing.receive(count, from: ends.there) }
            #expect(sent?.code == EINVAL && received?.code == EINVAL)
        }
        close(ends.watched)
        ends.end()
    }
}

// SPDX-License-Identifier: GPL-2.0

import Glibc
import Testing

@testable import KernelABI

/// io_uring against the running kernel.
@Suite(.enabled(if: Host.hasRings, "the kernel has no io_uring with DEFER_TASKRUN and CQE32, or it is disabled"))
struct LiveRingTests {
    @Test func features() throws {
        let features = try ZeroCopyReceive.Features.query()
        let requests = try #require(features.requestOpcodes)
        #expect(requests > 40)
        if let receive = features.receive {
            #expect(features.canBeQueried && features.hasZeroCopyReceive && receive.refillHeaderSize > 0)
        }
    }

    @Test func waitingAndCancelling() throws {
        let ring = try ZeroCopyReceive.Ring()
        let nothing = try (ring.peek(), ring.wait(timeoutMilliseconds: 20), ring.wait(timeoutMilliseconds: 0))
        #expect(nothing == (nil, nil, nil))
        try ring.cancel(42, userData: 43)
        let completion = try ring.wait(timeoutMilliseconds: 1000)
        #expect(completion?.userData == 43 && completion?.error?.code == ENOENT && completion?.more == false)
        let lost = ring.lostCompletions
        #expect(lost == 0)
        ring.close()
    }

    /// A receive that names no queue is refused in its completion, with or without the multishot flag.
    @Test func receivingWithoutAQueue() throws {
        let ring = try ZeroCopyReceive.Ring()
        for multishot in [true, false] {
            try ring.receive(socket: 0, queue: 12345, multishot: multishot, userData: 9)
            let completion = try ring.wait(timeoutMilliseconds: 1000)
            #expect(completion?.userData == 9 && completion?.error?.code == EINVAL)
        }
        ring.close()
    }

    @Test(.enabled(if: Host.isAdmin && Host.hasNetdev, "zcrx needs CAP_NET_ADMIN"))
    func theLoopbackDeviceIsRefused() throws {
        let area = try MappedMemory(anonymous: 1 << 16)
        let ring = try ZeroCopyReceive.Ring()
        for memory in [ZeroCopyReceive.Registration.RefillMemory.user, .kernel] {
            var registration = ZeroCopyReceive.Registration(ifindex: 1, queue: 0, area: .memory(area), refillEntries: 64)
            registration.refillMemory = memory
            do {
                try ring.register(registration).close()
                Issue.record("the loopback device accepted a memory provider")
            } catch {
                #expect([EOPNOTSUPP, EINVAL].contains(error.code))
                let explained = ZeroCopyReceive.explain(error, registration: registration)
                #expect(explained.description.hasPrefix("zcrx registration of queue 0 on ifindex 1: E"))
                #expect(explained.message != nil)
            }
        }
        ring.close()
        area.unmap()
    }

    @Test func controlsWithoutAQueue() throws {
        let ring = try ZeroCopyReceive.Ring()
        do {
            try ring.flush(queue: 3)
            Issue.record("a queue that does not exist was flushed")
        } catch {
            #expect(error.code == ENXIO || error.code == EINVAL)
        }
        ring.close()
    }
}

/// zcrx without a device: there is no page pool and no memory provider.
@Suite(.enabled(if: Host.hasNoDevice && Host.isAdmin, "the kernel has no ZCRX_REG_NODEV, or this is not root"))
struct LiveNoDeviceTests {
    @Test(arguments: [ZeroCopyReceive.Registration.RefillMemory.user, .kernel])
    func receives(_ memory: ZeroCopyReceive.Registration.RefillMemory) throws {
        let area = try MappedMemory(anonymous: 1 << 18)
        let ring = try ZeroCopyReceive.Ring()
        var registration = ZeroCopyReceive.Registration.noDevice(area: .memory(area), refillEntries: 64)
        registration.refillMemory = memory
        var queue = try ring.register(registration)
        let listener = try TCP.listen(on: Endpoint(.loopback4, port: 0))
        let client = try TCP.connect(to: TCP.localEndpoint(of: listener), timeoutMilliseconds: 2000)
        let server = try TCP.accept(listener, timeoutMilliseconds: 2000)
        let pattern = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        try ring.receive(socket: server.rawValue, queue: queue.id, userData: 1)
        try TCP.send(pattern, over: client, timeoutMilliseconds: 2000)
        try TCP.shutDown(client)
        var received: [UInt8] = []
        while let completion = try ring.wait(timeoutMilliseconds: 2000) {
            guard completion.isData, let at = completion.areaOffset else {
                #expect(completion.result == 0)
                break
            }
            received += area.bytes(at: at, count: Int(completion.result)) ?? []
            if !queue.returnBuffer(of: completion) {
                try ring.flush(queue: queue.id)
                queue.returnBuffer(of: completion)
            }
        }
        #expect(received == pattern)
        ring.close()
        queue.close()
        client.close()
        server.close()
        listener.close()
        area.unmap()
    }

    @Test func refusals() throws {
        let area = try MappedMemory(anonymous: 1 << 16)
        let small = try ZeroCopyReceive.Ring(setup: [.singleIssuer, .deferTaskRun])
        let good = ZeroCopyReceive.Registration.noDevice(area: .memory(area), refillEntries: 64)
        do {
            try small.register(good).close()
            Issue.record("a ring without 32-byte completions was accepted")
        } catch { #expect(error.code == EINVAL) }
        small.close()
        let ring = try ZeroCopyReceive.Ring()
        var misaligned = good
        misaligned.area.address += 1
        var token = good
        token.area.token = 1
        var entries = good
        entries.refillEntries = 0
        for registration in [misaligned, token, entries] {
            do {
                try ring.register(registration).close()
                Issue.record("a wrong registration was accepted")
            } catch { #expect(error.code == EINVAL) }
        }
        ring.close()
        area.unmap()
    }
}

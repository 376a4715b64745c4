// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

@Suite(.timeLimit(.minutes(1))) struct MachineChannelTests {
    @Test func arbitraryBytesAreLines() {
        var splitter = LineSplitter(limit: 8)
        let first = splitter.feed([0xff, 0xfe, 0x00, 0x1b, 0x0d, 0x0a])
        #expect(first.map(\.text) == ["\u{fffd}\u{fffd}\u{fffd}\u{fffd}"])
        let second = splitter.feed(Array("abcdefghijkl\nok\n\n\trest".utf8))
        #expect(second.map(\.text) == ["abcdefgh", "ok", ""])
        #expect(second.map(\.truncated) == [true, false, false])
        #expect(splitter.finish()?.text == "\trest")
        #expect(splitter.finish() == nil)
    }

    @Test func linesMaySpanReads() {
        var splitter = LineSplitter(limit: 100)
        var lines: [String] = []
        for byte in "é one\r\ntwo\n".utf8 { lines += splitter.feed([byte]).map(\.text) }
        #expect(lines == ["é one", "two"])
    }

    /// Connects with Python, which scripts/setup installs.
    private func connect(_ path: String, _ script: String) async throws {
        try await Command("python3", ["-c", "import socket,os\ns=socket.socket(socket.AF_UNIX)\ns.connect('\(path)')\n\(script)"]).output()
    }

    @Test func carriesBothWays() async throws {
        let folder = try RunFolder()
        let queue = BoundedQueue<[UInt8]>(limit: 1 << 20)
        let channel = try Channel(path: folder.path + "/c") { bytes in
            if let bytes { queue.push(bytes, cost: bytes.count) } else { queue.end() }
        }
        let socket = folder.path + "/c"
        async let peer: Void = connect(socket, "d=s.recv(100)\ns.sendall(d[::-1]+os.urandom(300000))\ns.close()")
        try await channel.connected()
        try await channel.send(Array("abc".utf8))
        var all: [UInt8] = []
        for await bytes in queue { all += bytes }
        try await peer
        try await channel.ended()
        #expect(all.prefix(3) == [0x63, 0x62, 0x61] && all.count == 300_003)
        #expect(!FileManager.default.fileExists(atPath: socket))
        let path = folder.path
        folder.remove()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func endsWithoutAConnection() async throws {
        let folder = try RunFolder()
        let channel = try Channel(path: folder.path + "/c") { _ in }
        channel.stopListening()
        await #expect(throws: HarnessError.self) { try await channel.connected() }
        try await channel.ended()
        await #expect(throws: HarnessError.self) { try await channel.send([1]) }
        folder.remove()
    }

    @Test func longPathIsRefused() {
        #expect(throws: HarnessError.self) { _ = try Channel(path: "/tmp/" + String(repeating: "x", count: 120)) { _ in } }
    }

    @Test func fullQueueBlocksItsProducer() async throws {
        let queue = BoundedQueue<Int>(limit: 100)
        let producer = Thread {
            for number in 0..<1000 { queue.push(number, cost: 40) }
            queue.end()
        }
        producer.start()
        var seen: [Int] = []
        for await number in queue { seen.append(number) }
        #expect(seen == Array(0..<1000))
    }

    @Test func endWakesABlockedProducer() async throws {
        let queue = BoundedQueue<Int>(limit: 100)
        let done = Promise<Void>()
        Thread.detachNewThread {
            for number in 0..<3 { queue.push(number, cost: 60) }
            done.settle(.success(()))
        }
        #expect(try await withDeadline(.milliseconds(50)) { try await done.value() } == nil)
        queue.end()
        try await done.value()
        #expect(await queue.next() == 0)
        #expect(await queue.next() == 1)
        #expect(await queue.next() == nil)
    }

    @Test func waitingOnAQueueIsCancellable() async {
        let queue = BoundedQueue<Int>(limit: 1)
        let waiter = Task { await queue.next() }
        waiter.cancel()
        #expect(await waiter.value == nil)
    }
}

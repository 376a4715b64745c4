// SPDX-License-Identifier: GPL-2.0

import Synchronization
import Testing

@testable import Harness

@Suite struct MachineQMPTests {
    @Test func recordedLines() {
        let greeting =
            #"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian 1:7.2+dfsg-7"}, "capabilities": ["oob"]}}"#
        #expect(QMPMessage(line: greeting) == .greeting(version: "7.2.22"))
        #expect(
            QMPMessage(line: #"{"return": {"status": "paused", "singlestep": false, "running": false}, "id": 3}"#)
                == .reply(id: 3, .object(["status": .string("paused"), "singlestep": .bool(false), "running": .bool(false)])))
        #expect(
            QMPMessage(line: #"{"id": 4, "error": {"class": "GenericError", "desc": "No"}}"#)
                == .refusal(id: 4, errorClass: "GenericError", message: "No"))
        #expect(
            QMPMessage(line: #"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "MIGRATION", "data": {"status": "completed"}}"#)
                == .event(QMPEvent(name: "MIGRATION", data: .object(["status": .string("completed")]))))
        #expect(QMPMessage(line: #"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}"#) == .event(QMPEvent(name: "STOP")))
    }

    @Test(arguments: ["", "{", "null", "[]", "7", #""text""#, #"{"return": {}}"#, #"{"id": 1}"#, "\u{fffd}\u{fffd}", #"{"QMP""#])
    func brokenLines(line: String) {
        #expect(QMPMessage(line: line) == .unknown(line))
    }

    @Test func request() throws {
        let bytes = try QMPMessage.request(id: 9, command: "migrate", arguments: ["uri": .string("exec:cat > '/a b'")])
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"arguments":{"uri":"exec:cat > '/a b'"},"execute":"migrate","id":9}"# + "\n")
    }

    /// A monitor with the replies of a function.
    private func monitor(_ reply: @escaping @Sendable (String) -> String) -> QMP {
        let holder = Mutex<QMP?>(nil)
        let box = Box(holder)
        let qmp = QMP { bytes in box.value.withLock { $0 }?.receive(Array(reply(String(decoding: bytes, as: UTF8.self)).utf8)) }
        box.value.withLock { $0 = qmp }
        return qmp
    }

    private final class Box<Value: Sendable>: Sendable {
        let value: Mutex<Value>
        init(_ value: consuming Mutex<Value>) { self.value = value }
    }

    @Test func eachReplyIsThatOfItsCommand() async throws {
        let qmp = monitor { request in
            request.contains("query-status")
                ? "{\"event\": \"STOP\"}\nnoise\n{\"return\": 5, \"id\": 1}\n" : "{\"error\": {\"class\": \"C\", \"desc\": \"d\"}, \"id\": 2}\n"
        }
        let mark = qmp.mark
        #expect(try await qmp.execute("query-status") == .integer(5))
        #expect(try await qmp.event(after: mark, within: .seconds(1)) { $0.name == "STOP" } == QMPEvent(name: "STOP"))
        await #expect(throws: QMPError(command: "bad", errorClass: "C", message: "d")) { try await qmp.execute("bad") }
    }

    @Test func eventWaitsAndEnds() async throws {
        let qmp = monitor { _ in "" }
        let mark = qmp.mark
        async let event = qmp.event(after: mark, within: .seconds(10)) { $0.name == "B" }
        qmp.receive(Array("{\"event\": \"A\"}\n{\"ev".utf8))
        qmp.receive(Array("ent\": \"B\"}\n".utf8))
        #expect(try await event.name == "B")
        let lost = Task { try await qmp.execute("stop") }
        qmp.receive(nil)
        await #expect(throws: HarnessError.self) { _ = try await lost.value }
        await #expect(throws: HarnessError.self) { try await qmp.event(after: qmp.mark, within: .seconds(10)) { _ in true } }
    }

    @Test func acceleratorFailureIsAStopWithThatStatus() async throws {
        let asked = Mutex(0)
        let count = Box(asked)
        // The first stop is that of a snapshot.
        let qmp = monitor { _ in
            let number = count.value.withLock { value in
                value += 1
                return value
            }
            let status = number == 1 ? "paused" : "internal-error"
            return (number == 1 ? "{\"event\": \"RESUME\"}\n{\"event\": \"STOP\"}\n" : "")
                + "{\"return\": {\"status\": \"\(status)\"}, \"id\": \(number)}\n"
        }
        qmp.receive(Array("{\"event\": \"STOP\"}\n".utf8))
        #expect(await qmp.acceleratorFails())
        #expect(count.value.withLock { $0 } == 2)
    }

    @Test func aMachineThatEndsIsNoAcceleratorFailure() async throws {
        let qmp = monitor { _ in "{\"return\": {\"status\": \"paused\"}, \"id\": 1}\n" }
        async let failed = qmp.acceleratorFails()
        qmp.receive(Array("{\"event\": \"STOP\"}\n".utf8))
        qmp.receive(nil)
        #expect(await !failed)
    }

    @Test func aMissingReplyHasADeadline() async throws {
        let qmp = monitor { _ in "" }
        await #expect(throws: HarnessError.self) { try await qmp.execute("stop", within: .milliseconds(20)) }
    }
}

// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// Both ends of a TCP connection over loopback, for scenarios without a device.
final class Loopback {
    let receiver: Connection
    private let sender: Connection
    private let pattern: PayloadPattern
    private(set) var sent: UInt64 = 0

    init(_ run: ScenarioRun, pattern: PayloadPattern) throws {
        self.pattern = pattern
        let limit = CInt(run.timeout(10) * 1000)
        let listener = try TCP.listen(on: Endpoint(.loopback4, port: 0))
        do {
            let outgoing = Connection(try TCP.connect(to: try TCP.localEndpoint(of: listener), timeoutMilliseconds: limit))
            receiver = Connection(try TCP.accept(listener, timeoutMilliseconds: limit))
            sender = outgoing
        } catch {
            listener.close()
            throw error
        }
        listener.close()
        run.cleanUp("connection closed") {
            self.sender.close()
            self.receiver.close()
        }
    }

    /// Sends the next `bytes` of the pattern.
    func send(_ bytes: Int, within seconds: Double) throws {
        let start = sent
        let chunk = [UInt8](unsafeUninitializedCapacity: bytes) { buffer, count in
            pattern.fill(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: bytes), from: start)
            count = bytes
        }
        let socket = OwnedDescriptor(taking: sender.rawValue)
        let result = Result { try TCP.send(chunk, over: socket, timeoutMilliseconds: CInt(seconds * 1000)) }
        _ = socket.take()
        try result.get()
        sent += UInt64(bytes)
    }
}

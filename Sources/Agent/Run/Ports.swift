// SPDX-License-Identifier: GPL-2.0

import FoundationEssentials
import Glibc
import KernelABI
import Results
import SystemPackage

/// The guest's ends of the virtio-serial ports that the harness gives the machine.
enum VirtioPort {
    /// Opens the port of that name.
    static func open(_ name: String) throws(KernelError) -> FileDescriptor {
        for port in KernelFile.list("/sys/class/virtio-ports") {
            guard let found = try? KernelFile.read("/sys/class/virtio-ports/\(port)/name"),
                found.filledLines.first.map(String.init) == name
            else { continue }
            do {
                return try FileDescriptor.open(FilePath("/dev/\(port)"), .readWrite, options: .closeOnExec)
            } catch let error as SystemPackage.Errno {
                throw KernelError("open of the virtio port \(name) (/dev/\(port))", errno: error)
            } catch {
                throw KernelError("open of the virtio port \(name)", errno: .ioError)
            }
        }
        throw KernelError("finding the virtio port \(name) in /sys/class/virtio-ports", errno: .noSuchAddressOrDevice)
    }
}

/// Events to the harness and commands from it, a JSON object a line.
struct EventPort: ~Copyable {
    private let file: FileDescriptor
    private var pending: [UInt8] = []

    init(_ file: FileDescriptor) { self.file = file }

    func send(_ event: AgentEvent) throws {
        var line = Array(try JSONEncoder().encode(event))
        line.append(UInt8(ascii: "\n"))
        _ = try file.writeAll(line)
    }

    /// The next command; nil where the harness has closed the port.
    mutating func next() throws -> AgentCommand? {
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Data(pending[..<end])
                pending.removeSubrange(...end)
                return try JSONDecoder().decode(AgentCommand.self, from: line)
            }
            var chunk = [UInt8](repeating: 0, count: 4096)
            let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
            if count == 0 { return nil }
            pending += chunk[..<count]
        }
    }
}

/// The trace channel: records as `TraceRecordHeader` describes them.
struct TracePort: ~Copyable {
    private let file: FileDescriptor

    init(_ file: FileDescriptor) { self.file = file }

    func send(cpu: UInt32, _ pages: [UInt8]) throws {
        var header: [UInt8] = []
        for word in [TraceRecordHeader.magic, cpu, UInt32(pages.count)] {
            withUnsafeBytes(of: word.littleEndian) { header += $0 }
        }
        _ = try file.writeAll(header)
        _ = try file.writeAll(pages)
    }

    func endScenario() throws { try send(cpu: TraceRecordHeader.endOfScenario, []) }
}

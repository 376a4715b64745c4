// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// The state of a machine that was stopped when its agent was ready. Any number of machines can start from it, also at the same time.
///
/// Its memory is a file that QEMU mapped shared (`x-ignore-shared` leaves it out of the migration stream). Every restored machine maps it
/// private, so only pages that the guest touches are read. The rest of the state is a few hundred kB.
struct Snapshot: Sendable, Equatable {
    /// The file `snapshot.json`. It is written last.
    struct Record: Codable, Sendable, Equatable {
        static let version = 1
        var version = Self.version
        var ready: String
        var memoryBytes: UInt64
        var stateBytes: UInt64
    }

    let folder: String
    /// The agent's ready line.
    let ready: String

    var memory: String { folder + "/memory" }
    var state: String { folder + "/state" }

    /// Reads a snapshot's folder; nil where there is none, or it is not complete.
    init?(folder: String) {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: folder + "/snapshot.json")),
            let record = try? JSONDecoder().decode(Record.self, from: data), record.version == Record.version,
            Self.size(folder + "/memory") == record.memoryBytes, Self.size(folder + "/state") == record.stateBytes
        else { return nil }
        self.folder = folder
        ready = record.ready
    }

    /// Completes a snapshot: writes the record of the memory and the state in the folder.
    init(sealing folder: String, ready: String) throws {
        guard let memoryBytes = Self.size(folder + "/memory"), let stateBytes = Self.size(folder + "/state"), stateBytes > 0 else {
            throw HarnessError(.harness, "QEMU wrote no snapshot into \(folder)", hint: "check the free space of the disk")
        }
        let record = Record(ready: ready, memoryBytes: memoryBytes, stateBytes: stateBytes)
        do {
            try StableJSON.document(record).write(to: URL(fileURLWithPath: folder + "/snapshot.json"))
            for name in ["memory", "state", "snapshot.json"] {
                let handle = try FileHandle(forUpdating: URL(fileURLWithPath: folder + "/" + name))
                try handle.synchronize()
                try handle.close()
            }
        } catch {
            throw HarnessError(.harness, "cannot write the snapshot in \(folder): \(Files.reason(error))", hint: "check the free space of the disk")
        }
        self.folder = folder
        self.ready = ready
    }

    private static func size(_ path: String) -> UInt64? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.size].flatMap { $0 as? NSNumber }?.uint64Value
    }

    /// The key of a snapshot, which depends on the kernel, the image, QEMU, the host's CPU and the machine.
    ///
    /// - Parameter version: `QEMUTool.version()`.
    static func key(_ line: QEMUCommandLine, kernelKey: String, imageKey: String, version: String) -> String {
        var shape = line
        shape.kernel = kernelKey
        shape.image = imageKey
        return Cache.key(["snapshot \(Record.version)", version, hostCPU] + shape.arguments(sockets: "", memory: .template("")))
    }

    /// The host's CPU: the guest's CPU under `-cpu host` and the TSC's rate depend on it.
    private static let hostCPU: String = {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        return text.filledLines.first { $0.hasPrefix("model name") }.map(String.init) ?? ""
    }()
}

extension VirtualMachine {
    private static let stateEvent: @Sendable (QMPEvent) -> Bool = { event in
        event.name == "MIGRATION" && ["completed", "failed", "cancelled"].contains(event.data["status"]?.string ?? "")
    }

    private func prepareMigration() async throws {
        let on: (String) -> QMPValue = { .object(["capability": .string($0), "state": .bool(true)]) }
        try await qmp.execute("migrate-set-capabilities", ["capabilities": .array([on("events"), on("x-ignore-shared")])])
    }

    private func migrate(_ command: String, _ shell: String, within limit: Duration) async throws {
        let mark = qmp.mark
        try await qmp.execute(command, ["uri": .string("exec:" + shell)])
        let event = try await qmp.event(after: mark, within: limit, Self.stateEvent)
        guard event.data["status"]?.string == "completed" else {
            throw HarnessError(.harness, "QEMU's \(command) (\(shell)) failed")
        }
    }

    /// Stops the machine and writes its state, without its memory, to `path`; QEMU then quits.
    ///
    /// - Precondition: the memory is a `.template`.
    func saveState(to path: String, within limit: Duration) async throws {
        try await prepareMigration()
        try await qmp.execute("stop")
        try await qmp.execute("migrate-set-parameters", ["max-bandwidth": .integer(1 << 40)])
        try await migrate("migrate", "cat > \(Command.quote(path))", within: limit)
        try await quit()
    }

    /// Loads the state that belongs to the `.restored` memory and resumes the guest.
    func loadState(from path: String, within limit: Duration) async throws {
        try await prepareMigration()
        try await migrate("migrate-incoming", "cat \(Command.quote(path))", within: limit)
        // QEMU without -S resumes a guest after the migration, but not a guest that was saved while stopped.
        let status = try await qmp.execute("query-status")
        if status["running"]?.bool != true { try await qmp.execute("cont") }
    }
}

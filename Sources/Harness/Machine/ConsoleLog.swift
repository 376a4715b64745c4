// SPDX-License-Identifier: GPL-2.0

import Glibc
import Synchronization
import SystemPackage

/// The file of a machine's console.
final class ConsoleLog: Sendable {
    private let path: String
    private let file: FileDescriptor
    /// The first error: the file is not whole.
    private let failure = Mutex<Errno?>(nil)

    /// Opens the file to append to it.
    init(_ path: String) throws {
        self.path = path
        file = try FileDescriptor.open(
            SystemPackage.FilePath(path), .writeOnly, options: [.create, .append, .closeOnExec],
            permissions: [.ownerReadWrite, .groupRead, .otherRead])
    }

    /// Appends bytes, without carriage returns. An error does not end the machine: `requireWhole` throws it.
    func write(_ bytes: [UInt8]) {
        attempt { _ = try file.writeAll(bytes.filter { $0 != UInt8(ascii: "\r") }) }
    }

    /// To be called once, after the last bytes.
    func close() { attempt { try file.close() } }

    private func attempt(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            failure.withLock { $0 = $0 ?? (error as? Errno) ?? .ioError }
        }
    }

    /// - Throws: `HarnessError` where bytes are missing in the file.
    func requireWhole() throws {
        guard let error = failure.withLock({ $0 }) else { return }
        throw HarnessError(
            .harness, "cannot write \(path): \(error)", hint: "check the free space of the disk; results that are not written do not count",
            cause: [Errno.noSpace.rawValue, Errno.diskQuotaExceeded.rawValue].contains(error.rawValue) ? .diskFull : nil)
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc

/// A folder for the temporary files of this process, with mode 0700. It is removed with its last reference.
///
/// A file in it is locked by flock(2) for as long as the process lives. Where the process was killed, `sweep` of another one finds the file
/// unlocked, and removes the folder.
final class OwnedFolder: Sendable {
    /// The file that is locked.
    static let lockName = ".ppiov-lock"
    /// The characters of a name that mkdtemp(3) draws.
    private static let drawn = "XXXXXX"

    let path: String
    private let lock: Int32

    /// Makes a folder of a new name.
    ///
    /// - Parameters:
    ///   - base: the folder that it is made in.
    ///   - prefix: how its name begins.
    /// - Throws: `HarnessError` with the system's error as its message.
    init(in base: String, prefix: String) throws { (path, lock) = try Self.make(base, prefix) }

    private static func make(_ base: String, _ prefix: String) throws -> (String, Int32) {
        while true {
            var name = Array((base + "/" + prefix + drawn).utf8CString)
            guard mkdtemp(&name) != nil else { throw HarnessError(.harness, String(cString: strerror(errno))) }
            let folder = name.withUnsafeBytes { String(decoding: $0.dropLast(), as: UTF8.self) }
            let file = folder + "/" + lockName
            let descriptor = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                let reason = String(cString: strerror(errno))
                rmdir(folder)
                throw HarnessError(.harness, reason)
            }
            // Another process that sweeps may have locked the file first: it removes the folder.
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK, access(file, F_OK) == 0 { return (folder, descriptor) }
            close(descriptor)
        }
    }

    /// Removes the folder now.
    func remove() { try? FileManager.default.removeItem(atPath: path) }

    deinit {
        remove()
        close(lock)
    }

    /// Removes the folders in `base` that no process owns any more.
    ///
    /// - Parameter prefix: as in `init`. A folder of such a name that has no lock file is not one of ours.
    /// - Returns: the paths of what was removed.
    @discardableResult
    static func sweep(_ base: String, prefix: String) -> [String] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: base) else { return [] }
        return names.filter { $0.hasPrefix(prefix) && $0.utf8.count == prefix.utf8.count + drawn.utf8.count }.map { base + "/" + $0 }
            .filter { folder in
                var status = stat()
                guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else { return false }
                let descriptor = open(folder + "/" + lockName, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
                guard descriptor >= 0 else { return false }
                defer { close(descriptor) }
                guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return false }
                return (try? FileManager.default.removeItem(atPath: folder)) != nil
            }
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc

/// Checks the cache's folder before a command uses it: that nobody else can change what is built and run from it, and that its file system has what
/// the harness needs. Each fault would show later, in the middle of a build or a boot, under another name.
public struct CacheFolder: Sendable {
    private let root: String

    public init(_ cache: Cache) { root = cache.root }

    /// - Parameter snapshots: the machine's memory will be a file there, mapped shared.
    /// - Throws: `HarnessError` that names the folder, the fault, and what to do.
    public func require(snapshots: Bool) throws {
        try requireTarget()
        if FileStatus(root) == nil { try make() }
        try requireOwner()
        try probe(snapshots: snapshots)
    }

    /// The fault of the folder as it is, in one line; nil where it has none, or does not exist yet.
    func fault() -> HarnessError? {
        guard FileStatus(root) != nil else { return nil }
        do {
            try require(snapshots: true)
            if isNoExec { throw Self.noExec(root, type) }
            return nil
        } catch {
            return error as? HarnessError ?? HarnessError(.harness, "\(error)")
        }
    }

    /// - Throws: `HarnessError` where programs cannot run from the cache: Kbuild compiles some, and runs them.
    func requirePrograms() throws {
        if isNoExec { throw Self.noExec(root, type) }
    }

    private static func noExec(_ root: String, _ type: String) -> HarnessError {
        HarnessError(
            .harness,
            "no program runs from the cache \(root): its file system (\(type)) is mounted noexec, and a kernel's build runs programs that it compiled",
            hint: "mount it with exec, or " + elsewhere)
    }

    private static let elsewhere = "set XDG_CACHE_HOME to a folder of yours on a local file system (ext4, xfs, btrfs, tmpfs)"

    // MARK: - The folder

    /// A link is followed where nobody else can change it.
    private func requireTarget() throws {
        guard FileStatus(root)?.kind == .link else { return }
        var status = stat()
        guard lstat(root, &status) == 0 else { return }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw HarnessError(
                .harness, "the cache folder \(root) is a symbolic link that belongs to \(Self.user(status.st_uid)), who can point it elsewhere",
                hint: "remove the link, or " + Self.elsewhere)
        }
        guard stat(root, &status) == 0 else {
            let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: root)) ?? "a place that cannot be read"
            throw HarnessError(
                .harness, "the cache folder \(root) is a symbolic link to \(target): \(String(cString: strerror(errno)))",
                hint: "make that folder, or remove the link")
        }
    }

    private func make() throws {
        do {
            let parent = (root as NSString).deletingLastPathComponent
            if FileStatus(parent) == nil { try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true) }
        } catch {
            throw Self.failure("make the cache folder \(root)", Files.reason(error))
        }
        // Whatever the umask, the folder is not writable for others. Another run may have made it meanwhile.
        guard mkdir(root, 0o755) == 0 || errno == EEXIST else {
            throw Self.failure("make the cache folder \(root)", String(cString: strerror(errno)))
        }
    }

    private func requireOwner() throws {
        var status = stat()
        guard stat(root, &status) == 0 else { throw Self.failure("read the cache folder \(root)", String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw HarnessError(.harness, "the cache \(root) is not a folder", hint: "remove it, or " + Self.elsewhere)
        }
        guard status.st_uid == geteuid() else {
            throw HarnessError(
                .harness,
                "the cache folder \(root) belongs to \(Self.user(status.st_uid)), and ppiov runs as \(Self.user(geteuid())): its owner can change what is built and run from it",
                hint: "run ppiov as its owner, or " + Self.elsewhere)
        }
        guard status.st_mode & 0o002 == 0 else {
            throw HarnessError(
                .harness,
                "every user may write to the cache folder \(root) (mode \(String(status.st_mode & 0o7777, radix: 8))), and change what is built and run from it",
                hint: "chmod o-w \(Command.quote(root)), where nobody else has written to it; if somebody has, remove it first")
        }
    }

    private static func user(_ id: uid_t) -> String {
        guard let entry = getpwuid(id), let name = entry.pointee.pw_name else { return "user \(id)" }
        return "\(String(cString: name)) (user \(id))"
    }

    // MARK: - Its file system

    /// Writes, locks and maps a file of one page.
    private func probe(snapshots: Bool) throws {
        let path = "\(root)/.probe-\(getpid())-\(UUID().uuidString.prefix(8))"
        let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("write to the cache \(root)", errno) }
        defer {
            close(file)
            unlink(path)
        }
        // Written before it is mapped: a page without a block on a full disk would be a SIGBUS.
        let page = [UInt8](repeating: 1, count: 4096)
        let count = page.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
        guard count == page.count else { throw failure("write to the cache \(root)", count < 0 ? errno : ENOSPC) }
        try probeLock(file, path)
        if snapshots { try probeMap(file, page.count) }
    }

    private func probeLock(_ file: Int32, _ path: String) throws {
        let advice = "another run could change the same files at the same time"
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            throw HarnessError(
                .harness,
                "cannot lock a file in the cache \(root): its file system (\(type)) has no flock(2): \(String(cString: strerror(errno))); \(advice)",
                hint: Self.elsewhere)
        }
        let second = open(path, O_RDWR | O_CLOEXEC)
        guard second >= 0 else { throw failure("open a file again in the cache \(root)", errno) }
        defer { close(second) }
        guard flock(second, LOCK_EX | LOCK_NB) != 0 else {
            throw HarnessError(
                .harness, "a lock in the cache \(root) locks nothing: its file system (\(type)) grants flock(2) twice; \(advice)",
                hint: Self.elsewhere)
        }
    }

    /// As QEMU maps the guest's memory for a snapshot: shared and writable, and the file has what was written to the memory.
    private func probeMap(_ file: Int32, _ size: Int) throws {
        let advice = "; with `ppiov run --isolate none` no snapshot is needed"
        let map = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let map, map != MAP_FAILED else {
            throw HarnessError(
                .harness,
                "no file in the cache \(root) can be mapped shared: its file system (\(type)) has no shared mmap(2): \(String(cString: strerror(errno))); QEMU writes a snapshot's memory that way",
                hint: Self.elsewhere + (type == "9p" ? ", mount it with cache=mmap" : "") + advice)
        }
        map.storeBytes(of: 2, as: UInt8.self)
        let isSynced = msync(map, size, MS_SYNC) == 0
        munmap(map, size)
        var byte: UInt8 = 0
        guard isSynced, pread(file, &byte, 1, 0) == 1, byte == 2 else {
            throw HarnessError(
                .harness, "a file in the cache \(root) does not have what was written to its shared mapping: its file system is \(type)",
                hint: Self.elsewhere + advice)
        }
    }

    private func failure(_ what: String, _ code: Int32) -> HarnessError { Self.failure(what + " (\(type))", String(cString: strerror(code))) }

    private static func failure(_ what: String, _ reason: String) -> HarnessError {
        if Files.isFull(reason) { return Files.full(what) }
        return HarnessError(.harness, "cannot \(what): \(reason)", hint: elsewhere)
    }

    // MARK: - Names

    /// The type of its file system, as mount(8) names it.
    var type: String {
        guard let path = realpath(existing, nil) else { return "unknown" }
        defer { free(path) }
        let table = MountTable(HostFile.read(Array("/proc/self/mountinfo".utf8)) ?? [])
        return table.mount(of: Array(String(cString: path).utf8))?.type ?? "unknown"
    }

    private var isNoExec: Bool {
        var status = statvfs()
        return statvfs(existing, &status) == 0 && status.f_flag & Self.noExecFlag != 0
    }

    /// ST_NOEXEC of statvfs(3), which glibc's header has with _GNU_SOURCE only.
    private static let noExecFlag: UInt = 8

    /// The folder, or the nearest one above it that exists.
    private var existing: String {
        var path = root
        while path.count > 1, FileStatus(path) == nil { path = (path as NSString).deletingLastPathComponent }
        return path
    }
}

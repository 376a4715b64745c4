// SPDX-License-Identifier: GPL-2.0

internal import Glibc
internal import SystemPackage

/// Reads and writes the kernel's text files (procfs, sysfs, tracefs), for which stat(2) reports no size.
public enum KernelFile {
    /// The whole file as text; bytes that are not UTF-8 are replaced.
    public static func read(_ path: String) throws(KernelError) -> String {
        do {
            let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
            return try file.closeAfter {
                var bytes: [UInt8] = []
                var chunk = [UInt8](repeating: 0, count: 16384)
                while true {
                    let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
                    if count == 0 { return String(decoding: bytes, as: UTF8.self) }
                    bytes += chunk[..<count]
                }
            }
        } catch let error as SystemPackage.Errno {
            throw KernelError("read of \(path)", errno: error)
        } catch {
            throw KernelError("read of \(path)", errno: .ioError)
        }
    }

    /// Writes `text` in one write(2), as command files require.
    public static func write(_ path: String, _ text: String) throws(KernelError) {
        do {
            let file = try FileDescriptor.open(FilePath(path), .writeOnly, options: .closeOnExec)
            try file.closeAfter { _ = try file.writeAll(Array(text.utf8)) }
        } catch let error as SystemPackage.Errno {
            throw KernelError("write of \"\(text)\" to \(path)", errno: error)
        } catch {
            throw KernelError("write of \"\(text)\" to \(path)", errno: .ioError)
        }
    }

    /// Names in a folder, sorted, without "." and "..".
    public static func list(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The harness's copy of a source that never changes; one overlay after another is applied to it.
///
/// The paths that differ from the source are written to a journal before the files are touched, so that the next run restores the files
/// of a killed run. A file that is written gets the present time, and a file that has its content already is not written: make compiles
/// only the changes.
struct OverlaidCopy: Sendable {
    /// The unpacked source.
    let origin: String
    /// The copy.
    let folder: String

    /// The paths that may differ from the source's.
    private var journal: String { folder + ".overlaid" }

    /// - Parameters:
    ///   - identity: the source's; a copy of another source is replaced.
    ///   - renewed: called before a copy is made: objects of an earlier one would be newer than the files of this one.
    init(of origin: String, at folder: String, identity: String, progress: Progress, renewed: () throws -> Void) async throws {
        self.origin = origin
        self.folder = folder
        let mark = folder + ".of"
        guard Files.text(mark) != identity || KernelTree.version(folder) == nil else { return }
        progress.report("copying \(origin), to apply patches to the copy")
        try Files.remove(mark)
        try Files.remove(journal)
        try Files.remove(folder)
        try renewed()
        try await Command("cp", ["-a", "--reflink=auto", origin, folder]).output()
        try Files.write(identity, to: mark)
    }

    /// Makes the copy equal to the source with the overlay on it.
    func apply(_ overlay: Overlay) throws {
        let before = Set(Files.paths(journal) ?? [])
        let paths = before.union(overlay.files.keys)
        try Files.write(paths: paths.sorted(), to: journal)
        var files: [(path: String, file: Overlay.File)] = []
        // Removals first, and files before the folders that hold them: a link may replace a folder of the same name.
        for path in paths.sorted(by: >) {
            try Cancellation.check()
            if let file = overlay.files[path] {
                if let file { files.append((path, file)) } else { try remove(path) }
            } else if let status = FileStatus(origin + "/" + path) {
                files.append((path, Overlay.File(path: origin + "/" + path, identity: try TreeScan.identity(origin + "/" + path, status))))
            } else {
                try remove(path)
            }
        }
        for (path, file) in files.reversed() {
            try Cancellation.check()
            try write(file, at: path)
        }
        try Files.write(paths: overlay.files.keys.sorted(), to: journal)
    }

    private func write(_ file: Overlay.File, at path: String) throws {
        let target = folder + "/" + path
        if let status = FileStatus(target), status.kind == .file || status.kind == .link, try TreeScan.identity(target, status) == file.identity {
            return
        }
        // There may be a file or a link in the place of the folder.
        var above = folder
        for part in path.split(separator: "/").dropLast() {
            above += "/" + part
            if let status = FileStatus(above), status.kind != .folder { try Files.remove(above) }
        }
        try Files.makeFolder(above)
        let temporary = folder + ".next"
        try Files.remove(temporary)
        try Files.copy(file.path, to: temporary)
        FileStatus.setModified(temporary, FileStatus.now())
        try Files.remove(target)
        try Files.rename(temporary, to: target)
    }

    /// Removes a file, and the folders that are then empty.
    private func remove(_ path: String) throws {
        // A path through a link of an earlier state leads out of the copy: no file is removed there.
        var above = path
        while let slash = above.lastIndex(of: "/") {
            above = String(above[..<slash])
            if let status = FileStatus(folder + "/" + above), status.kind != .folder { return }
        }
        try Files.remove(folder + "/" + path)
        var parent = path
        while let slash = parent.lastIndex(of: "/") {
            parent = String(parent[..<slash])
            guard rmdir(folder + "/" + parent) == 0 else { return }
        }
    }
}

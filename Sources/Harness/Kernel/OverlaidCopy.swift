// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The harness's own copy of a source that never changes, which takes one overlay after another.
///
/// What differs from the source is written down before it is touched, so that a run that is killed leaves nothing that the next
/// one would build. Whatever is written gets the present as its time, and nothing is written that is there already: make compiles
/// what changed, and no more.
struct OverlaidCopy: Sendable {
    /// The source, unpacked.
    let origin: String
    /// The copy.
    let folder: String

    /// The paths that may differ from the source's.
    private var journal: String { folder + ".overlaid" }

    /// - Parameters:
    ///   - identity: the source's; the copy of another one is made anew.
    ///   - renewed: called before a copy is made: objects of an earlier one would be newer than the files of this one.
    init(of origin: String, at folder: String, identity: String, progress: Progress, renewed: () throws -> Void) async throws {
        self.origin = origin
        self.folder = folder
        let mark = folder + ".of"
        guard Disk.text(mark) != identity || KernelTree.version(folder) == nil else { return }
        progress.say("copying \(origin), for patches to go into")
        try Disk.remove(mark)
        try Disk.remove(journal)
        try Disk.remove(folder)
        try renewed()
        try await Command("cp", ["-a", "--reflink=auto", origin, folder]).output()
        try Disk.write(identity, to: mark)
    }

    /// Makes the copy the source with that over it.
    func put(_ overlay: Overlay) throws {
        let before = Set((Disk.text(journal) ?? "").split(separator: "\n").map(String.init))
        let paths = before.union(overlay.files.keys)
        try Disk.write(paths.sorted().joined(separator: "\n"), to: journal)
        var wanted: [(path: String, file: Overlay.File)] = []
        // What goes, goes first, and what lies deeper before what holds it: a folder may make room for a link of its name.
        for path in paths.sorted(by: >) {
            try Task.checkCancellation()
            if let file = overlay.files[path] {
                if let file { wanted.append((path, file)) } else { try take(path) }
            } else if let status = FileStatus(origin + "/" + path) {
                wanted.append((path, Overlay.File(path: origin + "/" + path, identity: try TreeScan.identity(origin + "/" + path, status))))
            } else {
                try take(path)
            }
        }
        for (path, file) in wanted.reversed() {
            try Task.checkCancellation()
            try put(file, at: path)
        }
        try Disk.write(overlay.files.keys.sorted().joined(separator: "\n"), to: journal)
    }

    private func put(_ file: Overlay.File, at path: String) throws {
        let target = folder + "/" + path
        if let status = FileStatus(target), status.kind == .file || status.kind == .link, try TreeScan.identity(target, status) == file.identity {
            return
        }
        // A file or a link may stand where a folder is wanted.
        var above = folder
        for part in path.split(separator: "/").dropLast() {
            above += "/" + part
            if let status = FileStatus(above), status.kind != .folder { try Disk.remove(above) }
        }
        try Disk.makeFolder(above)
        let temporary = folder + ".next"
        try Disk.remove(temporary)
        try Disk.copy(file.path, to: temporary)
        FileStatus.setModified(temporary, FileStatus.now())
        try Disk.remove(target)
        try Disk.rename(temporary, to: target)
    }

    /// Removes a file, and the folders that it leaves empty.
    private func take(_ path: String) throws {
        // Behind a link that an earlier state put there, nothing is ours.
        var above = path
        while let slash = above.lastIndex(of: "/") {
            above = String(above[..<slash])
            if let status = FileStatus(folder + "/" + above), status.kind != .folder { return }
        }
        try Disk.remove(folder + "/" + path)
        var parent = path
        while let slash = parent.lastIndex(of: "/") {
            parent = String(parent[..<slash])
            guard rmdir(folder + "/" + parent) == 0 else { return }
        }
    }
}

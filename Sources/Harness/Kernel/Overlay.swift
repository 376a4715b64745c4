// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Files that stand in the place of a source's own: what a series makes of it. The source itself is only read.
struct Overlay: Sendable, Equatable {
    /// What stands in the place of one file.
    struct File: Sendable, Equatable {
        /// Where its content lies.
        var path: String
        /// As in `TreeIndex.Record`.
        var identity: String
    }

    /// By path from the top of the tree; nil where the source's own file is taken away.
    var files: [String: File?]

    /// Over nothing.
    init() { files = [:] }

    /// Reads the content of `folder`, which holds those of the paths that are not taken away.
    init(_ paths: some Sequence<String>, in folder: String) throws {
        files = [:]
        for path in paths {
            let file = folder + "/" + path
            guard let status = FileStatus(file) else {
                files.updateValue(nil, forKey: path)
                continue
            }
            files[path] = File(path: file, identity: try TreeScan.identity(file, status))
        }
    }

    /// Names it by its paths and their contents.
    var key: String { Cache.key(files.sorted { $0.key < $1.key }.map { "\($0.key)\u{0}\($0.value?.identity ?? "gone")" }) }

    /// What decides the configuration and the modules of a source that never changes, with this over it.
    func inputs(over identity: String) -> TreeInputs {
        var inputs = TreeInputs(immutable: identity)
        func mix(_ key: String, _ matters: (String) -> Bool) -> String {
            let lines = files.sorted { $0.key < $1.key }.map { path, file in
                "\(path)\u{0}" + (matters(path) ? file?.identity ?? "gone" : String(file?.identity.prefix(1) ?? "gone"))
            }
            return lines.isEmpty ? key : Cache.key([key] + lines)
        }
        inputs.configuration = mix(inputs.configuration, TreeInputs.mayConfigure)
        inputs.module = mix(inputs.module, TreeInputs.mayReachModules)
        return inputs
    }
}

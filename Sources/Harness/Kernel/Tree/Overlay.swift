// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Files that replace some of a source's: the result of a series of patches. The source is only read.
struct Overlay: Sendable, Equatable {
    /// The replacement of one file.
    struct File: Sendable, Equatable {
        /// The file with its content.
        var path: String
        /// As in `TreeIndex.Record`.
        var identity: String
    }

    /// By path from the top of the tree; nil where the source's file is removed.
    var files: [String: File?]

    /// Replaces nothing.
    init() { files = [:] }

    /// Reads the files `paths` of `folder`. A path without a file is one that is removed.
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

    /// The key of its paths and their contents.
    var key: String { Cache.key(files.sorted { $0.key < $1.key }.map { "\($0.key)\u{0}\($0.value?.identity ?? "gone")" }) }

    /// The inputs of the configuration and of the modules, for a source that never changes with this overlay on it.
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

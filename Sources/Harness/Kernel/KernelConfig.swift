// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The options a request asks for, merged, and their read-back from the final .config.
struct KernelConfig: Equatable, Sendable {
    /// Each name once, the last wish standing, in the order of the last wish.
    var options: [ConfigOption]

    init(merging options: [ConfigOption]) {
        var last: [String: Int] = [:]
        for (index, option) in options.enumerated() { last[option.name] = index }
        self.options = last.values.sorted().map { options[$0] }
    }

    /// A profile's fragment with those it builds on, the request's files, and its `--set`s, in this order.
    ///
    /// - Throws: `HarnessError` of kind `.input`: no such profile or file, or a line that is no option.
    init(request: KernelRequest, folder: String) throws {
        var options = try Self.profile(request.profile, folder: folder)
        for file in request.configFiles {
            guard let text = Disk.text(file) else {
                throw HarnessError(.input, "cannot read the configuration fragment \(file)", hint: "--config takes a file of CONFIG_NAME=value lines")
            }
            options += try ConfigFragment.parse(text, origin: file, byUser: true)
        }
        options += try request.sets.map(ConfigFragment.parseSet)
        self.init(merging: options)
    }

    private static func profile(_ name: String, folder: String, above: [String] = []) throws -> [ConfigOption] {
        let path = "\(folder)/\(name).config"
        guard !name.isEmpty, !name.contains("/"), let text = Disk.text(path) else {
            let known = Disk.names(in: folder).filter { $0.hasSuffix(".config") }.map { String($0.dropLast(".config".count)) }
            throw HarnessError(
                .input, "there is no kernel profile \"\(name)\": looked for \(path)",
                hint: known.isEmpty
                    ? "\(folder) holds no profile at all: is the installation whole?" : "known profiles: " + known.joined(separator: ", "))
        }
        let own = try ConfigFragment.parse(text, origin: path)
        guard let base = ConfigFragment.base(of: text) else { return own }
        guard !(above + [name]).contains(base) else {
            throw HarnessError(
                .input, "the kernel profile \(name) builds on itself: \((above + [name, base]).joined(separator: " -> "))",
                hint: "mend the first line of \(path)")
        }
        return try profile(base, folder: folder, above: above + [name]) + own
    }

    /// What is put after tinyconfig's .config.
    var text: String { options.map { $0.line + "\n" }.joined() }

    /// Every option that the final .config does not have as it was asked for.
    func unmet(in dotConfig: String) -> [(option: ConfigOption, got: String)] {
        let values = ConfigFragment.values(of: dotConfig)
        return options.compactMap { option in
            let got = values[option.name] ?? "n"
            return option.optional || got == option.value ? nil : (option, got)
        }
    }

    /// - Throws: `HarnessError` that names each option, what was wanted, what came out, and who asked; of kind `.input` where
    ///   one of them is the caller's own.
    func requireMet(in dotConfig: String, version: String) throws {
        let unmet = unmet(in: dotConfig)
        guard !unmet.isEmpty else { return }
        let byUser = unmet.contains { $0.option.byUser }
        throw HarnessError(
            byUser ? .input : .harness,
            "Kconfig of Linux \(version) did not keep \(unmet.count == 1 ? "an option" : "\(unmet.count) options") that was asked for",
            hint: byUser
                ? "an option is dropped where something it depends on is off, and kept where something selects it: look it up with `make menuconfig`, then add what it needs with --set"
                : "this kernel needs another fragment: mark the options \"# optional\", or pass --set NAME=value for those named here",
            evidence: unmet.map { "\($0.option.name): wanted \($0.option.value), got \($0.got) (\($0.option.origin))" }, blame: .kernel)
    }

    /// Configures `make`'s object folder: tinyconfig, the options, olddefconfig, then the read-back. What was configured
    /// there before from the same inputs stays.
    ///
    /// - Parameter inputs: the key of all that decides the outcome but the options: the tree's Kconfig files and the tools.
    /// - Returns: the final .config.
    func apply(with make: KernelMake, version: String, inputs: String) async throws -> String {
        let path = make.objects + "/.config"
        let record = Self.record(make.objects)
        let inputs = Cache.key([inputs, text])
        if record.isMade(from: inputs), Disk.isFile(make.objects + "/Makefile"), let final = Disk.text(path) {
            try requireMet(in: final, version: version)
            return final
        }
        try record.forget()
        try await make.run(["tinyconfig"], what: "make tinyconfig")
        guard let tiny = Disk.text(path) else {
            throw HarnessError(.harness, "`make tinyconfig` wrote no \(path)", hint: "look into \(make.log)")
        }
        try Disk.write(tiny + text, to: path)
        try await make.run(["olddefconfig"], what: "make olddefconfig")
        let final = Disk.text(path) ?? ""
        try requireMet(in: final, version: version)
        try record.remember(inputs)
        return final
    }

    /// Holds a finished build to the configuration it began with: Kconfig may run once more below `make vmlinux`.
    func requireKept(_ final: String, in objects: String) throws {
        guard Disk.text(objects + "/.config") != final else { return }
        try Self.record(objects).forget()
        throw HarnessError(
            .harness, "the configuration in \(objects) changed while the kernel was built", hint: "run again: it will be configured anew")
    }

    private static func record(_ objects: String) -> MadeRecord {
        MadeRecord(product: objects + "/.config", record: objects + "/.ppiov-configured")
    }
}

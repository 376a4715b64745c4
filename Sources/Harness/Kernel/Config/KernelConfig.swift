// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The options of a request, merged, and their read-back from the final .config.
struct KernelConfig: Equatable, Sendable {
    /// Each name once, with the value of its last request, in the order of the last requests.
    var options: [ConfigOption]

    init(merging options: [ConfigOption]) {
        var last: [String: Int] = [:]
        for (index, option) in options.enumerated() { last[option.name] = index }
        self.options = last.values.sorted().map { options[$0] }
    }

    /// A profile's fragment with those it builds on, the `--config` files, and the `--set`s, in this order.
    ///
    /// - Parameter folder: `vm/config`, which has the profiles' fragments.
    /// - Throws: `HarnessError` of kind `.input`: no such profile or file, or a line that is not an option.
    init(profile: String, files: [String], sets: [String], folder: String) throws {
        var options = try Self.profile(profile, folder: folder)
        for file in files {
            options += try FragmentFile(file).options()
        }
        options += try sets.map(ConfigFragment.parseSet)
        self.init(merging: options)
    }

    private static func profile(_ name: String, folder: String, above: [String] = []) throws -> [ConfigOption] {
        let path = "\(folder)/\(name).config"
        guard !name.isEmpty, !name.contains("/"), let bytes = FileManager.default.contents(atPath: path) else {
            let known = Files.names(in: folder).filter { $0.hasSuffix(".config") }.map { String($0.dropLast(".config".count)) }
            throw HarnessError(
                .input, "there is no kernel profile \"\(name)\": \(path) does not exist",
                hint: known.isEmpty
                    ? "\(folder) has no profile: the installation is not complete" : "known profiles: " + known.joined(separator: ", "))
        }
        let lines = try ConfigFragment.lines(bytes, origin: path)
        let own = try ConfigFragment.parse(lines, origin: path)
        guard let base = ConfigFragment.base(of: lines) else { return own }
        guard !(above + [name]).contains(base) else {
            throw HarnessError(
                .input, "the kernel profile \(name) builds on itself: \((above + [name, base]).joined(separator: " -> "))",
                hint: "correct the first line of \(path)")
        }
        return try profile(base, folder: folder, above: above + [name]) + own
    }

    /// The lines to append to tinyconfig's .config.
    var text: String { options.map { $0.line + "\n" }.joined() }

    /// Every option that the final .config does not have as requested.
    func unmet(in dotConfig: String) -> [(option: ConfigOption, got: String)] {
        let values = ConfigFragment.values(of: dotConfig)
        return options.compactMap { option in
            let got = values[option.name] ?? "n"
            return option.optional || got == option.value ? nil : (option, got)
        }
    }

    /// - Throws: `HarnessError` that names each option with the requested value, the final value, and the file of the request; of kind
    ///   `.input` where the caller requested one of them.
    func requireMet(in dotConfig: String, version: String) throws {
        let unmet = unmet(in: dotConfig)
        guard !unmet.isEmpty else { return }
        let byUser = unmet.contains { $0.option.byUser }
        throw HarnessError(
            byUser ? .input : .harness,
            "Kconfig of Linux \(version) dropped or changed \(unmet.count == 1 ? "a requested option" : "\(unmet.count) requested options")",
            hint: byUser
                ? "Kconfig drops an option where an option that it depends on is off, and sets it where another selects it: find these with `make menuconfig`, then add them with --set"
                : "this kernel needs another fragment: mark the options \"# optional\", or pass --set NAME=value for these",
            evidence: unmet.map { "\($0.option.name): requested \($0.option.value), got \($0.got) (\($0.option.origin))" }, blame: .kernel)
    }

    /// Configures `make`'s object folder: tinyconfig, the options, olddefconfig, then the read-back. A configuration made
    /// there before from the same inputs is reused.
    ///
    /// - Parameter inputs: the key of what the outcome depends on apart from the options: the tree's Kconfig files and the tools.
    /// - Returns: the final .config.
    func apply(with make: KernelMake, version: String, inputs: String) async throws -> String {
        let path = make.objects + "/.config"
        let record = Self.record(make.objects)
        let inputs = Cache.key([inputs, text])
        if record.isCurrent(inputs), Files.isFile(make.objects + "/Makefile"), let final = Files.text(path) {
            try requireMet(in: final, version: version)
            return final
        }
        try record.invalidate()
        try await make.run(["tinyconfig"], what: "make tinyconfig")
        try Files.requireOwn(".config", in: make.objects)
        guard let tiny = Files.text(path) else {
            throw HarnessError(.harness, "`make tinyconfig` wrote no \(path)", hint: "read \(make.log)")
        }
        try Files.write(tiny + text, to: path)
        try await make.run(["olddefconfig"], what: "make olddefconfig")
        try Files.requireOwn(".config", in: make.objects)
        try Files.remove(record.record)
        let final = Files.text(path) ?? ""
        try requireMet(in: final, version: version)
        try record.save(inputs)
        return final
    }

    /// Checks that a finished build has the configuration it began with: Kconfig may run again below `make vmlinux`.
    func requireUnchanged(_ final: String, in objects: String) throws {
        try Files.requireOwn(".config", in: objects)
        guard Files.text(objects + "/.config") != final else { return }
        try Self.record(objects).invalidate()
        throw HarnessError(
            .harness, "the configuration in \(objects) changed while the kernel was built", hint: "run again: the next run configures it again")
    }

    private static func record(_ objects: String) -> ProductRecord {
        ProductRecord(product: objects + "/.config", record: objects + "/.ppiov-configured")
    }
}

// SPDX-License-Identifier: GPL-2.0

/// The object folders of builds in the sandbox. They are not those of other builds: a hostile source may leave programs there (Kbuild runs the
/// `fixdep` that it finds), and the next build would run them outside of the sandbox.
///
/// A source with patches is built in a copy of the objects of the source without them, which is thrown away after the build: a series finds nothing
/// of another series. In the sandbox all of these have the path of the plain folder, so that the same bits are built.
struct SandboxObjects: Sendable {
    /// The folder of builds without the sandbox, whose path make sees.
    let place: String

    init(_ place: String) { self.place = place }

    /// Of the source without patches.
    var base: String { place + ".sandbox" }
    /// Of the source with the patches that are being built.
    var series: String { place + ".series" }

    /// Whether the source without patches has been compiled there. An interrupted build counts: what it compiled is used.
    var hasBase: Bool { FileStatus(base + "/.config") != nil }

    /// What belongs to an object folder, and is beside it.
    private static func parts(_ objects: String) -> [String] {
        [objects, NetdevsimModule.work(objects), objects + ".warnings", objects + ".compiling"]
    }

    /// Makes `series` a copy of `base`; empty where there is no base.
    func renewSeries() async throws {
        try removeSeries()
        for (from, to) in zip(Self.parts(base), Self.parts(series)) where FileStatus(from) != nil {
            try await Command("cp", ["-a", "--reflink=auto", from, to]).output()
        }
    }

    func removeSeries() throws { for part in Self.parts(series) { try Files.remove(part) } }
}

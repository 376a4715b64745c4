// SPDX-License-Identifier: GPL-2.0

/// What a trace.dat may have in all. Its offsets can name any part of it, and one part any number of times: without limits, a small file could have
/// contents that take hours to read.
struct TraceDatLimits {
    private static let maximumSections = 1 << 12
    private static let maximumOptions = 1 << 20
    private static let maximumCPUs = 1 << 20

    private var sections: Set<UInt64> = []
    private var options = 0
    private var cpus = 0
    private var pages: UInt64 = 0
    private var contents = 0

    /// A section of options; one that names itself or one before it would have no end.
    mutating func addSection(at offset: UInt64) throws(TraceDatError) {
        guard sections.insert(offset).inserted, sections.count <= Self.maximumSections else {
            throw .implausible("the place of a section of options", offset)
        }
    }

    mutating func addOption() throws(TraceDatError) {
        options += 1
        guard options <= Self.maximumOptions else { throw .implausible("the number of options", UInt64(options)) }
    }

    /// A CPU of a buffer.
    mutating func addCPU() throws(TraceDatError) {
        cpus += 1
        guard cpus <= Self.maximumCPUs else { throw .implausible("the number of CPUs of all instances", UInt64(cpus)) }
    }

    /// The pages of a CPU: no two CPUs have the same.
    ///
    /// - Parameters:
    ///   - count: at most `size`.
    ///   - size: of the file.
    mutating func addPages(_ count: UInt64, in size: UInt64) throws(TraceDatError) {
        pages += count
        guard pages <= size else { throw .implausible("the bytes of all pages", pages) }
    }

    /// The contents of a section that is decompressed.
    mutating func addContents(_ count: Int) throws(TraceDatError) {
        contents += count
        guard contents <= TraceDatCursor.maximumBlockSize else { throw .implausible("the bytes of all sections", UInt64(contents)) }
    }
}

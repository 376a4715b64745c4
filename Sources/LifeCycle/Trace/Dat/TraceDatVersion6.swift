// SPDX-License-Identifier: GPL-2.0

/// Version 6: everything has its place, one after the other; the pages of an instance are at the offset in an option.
extension TraceDat {
    mutating func readVersion6(_ file: inout TraceDatCursor) throws(TraceDatError) {
        try readHeader(&file)
        try readFormats(&file, [TraceDecoder.markFormatName])
        try readSystems(&file)
        // kallsyms, printk formats, names of tasks.
        try file.skip(UInt64(try file.integer(UInt32.self)))
        try file.skip(UInt64(try file.integer(UInt32.self)))
        try file.skip(try file.integer(UInt64.self))
        var options = Options(cpus: try file.count("CPUs"))
        try options.read(&file, &limits)
        clock = options.clock
        var places = [("", file.at, options.cpus)]
        for instance in options.instances {
            file.at = instance.offset
            var inner = Options(cpus: options.cpus)
            try inner.read(&file, &limits)
            places.append((instance.name, file.at, inner.cpus))
        }
        for (name, offset, cpus) in places {
            file.at = offset
            var buffer = Buffer(name: name)
            for cpu in 0..<cpus { try add(cpu: cpu, try file.integer(UInt64.self), try file.integer(UInt64.self), to: &buffer) }
            buffers.append(buffer)
        }
    }

    /// The options, up to the offsets of the pages.
    private struct Options {
        var cpus: UInt32
        var instances: [(name: String, offset: UInt64)] = []
        var clock: TraceClock?

        init(cpus: UInt32) { self.cpus = cpus }

        mutating func read(_ file: inout TraceDatCursor, _ limits: inout TraceDatLimits) throws(TraceDatError) {
            var kind = try file.word("the kind of data")
            if kind == "options  " {
                while case let option = try file.integer(UInt16.self), option != 0 {
                    try limits.addOption()
                    let size = UInt64(try file.integer(UInt32.self))
                    let end = try file.end(of: size)
                    switch TraceDatOption(rawValue: option) {
                    case .buffer where size > 8:
                        let offset = try file.integer(UInt64.self)
                        let name = try file.word("an instance")
                        guard instances.count < TraceDat.maximumBuffers else { throw .implausible("the number of instances", 1 << 12) }
                        // With an empty name it is the top instance, whose pages are at the usual place.
                        if !name.isEmpty { instances.append((name, offset)) }
                    case .cpuCount where size >= 4: cpus = try file.count("CPUs")
                    case .tscToNanoseconds where size >= 16: clock = try TraceClock(&file)
                    default: break
                    }
                    file.at = end
                }
                kind = try file.word("the kind of data")
            }
            if kind == "latency  " { throw .latency }
            guard kind == "flyrecord" else { throw .truncated(at: file.at) }
        }
    }
}

extension TraceDat {
    static let maximumBuffers = 1 << 12
}

/// The options that ppiov reads (trace-cmd.dat.v7(5)); version 6 has the first ones.
enum TraceDatOption: UInt16 {
    case done = 0
    case buffer = 3
    case cpuCount = 8
    case tscToNanoseconds = 14
    case headerInfo = 16
    case ftraceEvents = 17
    case eventFormats = 18
    case bufferText = 22
}

extension TraceClock {
    /// The option TSC2NSEC: multiplier, shift, and an offset of no meaning here.
    init(_ file: inout TraceDatCursor) throws(TraceDatError) {
        self.init(multiplier: try file.integer(UInt32.self), shift: try file.integer(UInt32.self))
        guard multiplier > 0, shift < 64 else { throw .implausible("the shift of the clock", UInt64(shift)) }
    }
}

extension TraceDat {
    /// Adds the pages of a CPU to a buffer.
    mutating func add(cpu: UInt32, _ offset: UInt64, _ count: UInt64, to buffer: inout Buffer) throws(TraceDatError) {
        try limits.addCPU()
        guard offset <= size, count <= size - offset else { throw .truncated(at: offset) }
        guard count > 0 else { return }
        guard buffer.pages[cpu] == nil else { throw .twice(cpu: cpu) }
        try limits.addPages(count, in: size)
        buffer.pages[cpu] = offset..<offset + count
    }
}

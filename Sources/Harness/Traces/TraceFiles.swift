// SPDX-License-Identifier: GPL-2.0

import Foundation
public import LifeCycle

/// Traces in files: a folder with raw ring-buffer pages and the formats, trace-cmd's trace.dat, or text.
///
/// A trace.dat of several buffers is several traces.
public struct TraceFiles: Sendable {
    /// The name of the trace in output.
    public var name: String
    public var input: TraceInput

    /// Finds the traces of a path: one, or one for each scenario of a results folder.
    ///
    /// - Parameters:
    ///   - path: raw pages (`cpuN.raw`, `per_cpu/cpuN/trace_pipe_raw`) in a folder, a scenario's folder, a results folder, a
    ///     trace.dat, or text.
    ///   - formats: the folder of the format texts, if not that of the pages.
    /// - Throws: `HarnessError`: input, where the path has no trace that can be read.
    public static func find(_ path: String, formats: String? = nil) throws -> [TraceFiles] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw HarnessError(
                .input, "there is no \(path)", hint: "give a text trace, or a folder of raw trace pages; docs/trace.md describes how to capture one")
        }
        guard isFolder.boolValue else { return try file(path) }
        let scenarios = path + "/scenarios"
        if let names = try? FileManager.default.contentsOfDirectory(atPath: scenarios) {
            let found = try names.sorted().compactMap { name -> TraceFiles? in
                guard FileManager.default.fileExists(atPath: "\(scenarios)/\(name)/trace") else { return nil }
                return try folder("\(scenarios)/\(name)/trace", formats, name: name)
            }
            guard !found.isEmpty else { throw HarnessError(.input, "no scenario of \(path) has a trace") }
            return found
        }
        // In a copy of a tracefs instance, `trace` is a text file.
        if FileManager.default.fileExists(atPath: path + "/trace", isDirectory: &isFolder), isFolder.boolValue {
            return [try folder(path + "/trace", formats, name: path)]
        }
        return [try folder(path, formats, name: path)]
    }

    /// The scenarios of a results folder that have no trace; none where the path is no results folder.
    public static func untraced(_ path: String) -> [String] {
        let scenarios = path + "/scenarios"
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: scenarios) else { return [] }
        return names.sorted().filter { !FileManager.default.fileExists(atPath: "\(scenarios)/\($0)/trace") }
    }

    // MARK: - Pages

    private static func folder(_ path: String, _ formats: String?, name: String) throws -> TraceFiles {
        let pages = try pages(path)
        guard !pages.isEmpty else {
            throw HarnessError(
                .input, "\(path) has no raw trace pages", hint: "they are named cpuN.raw, or per_cpu/cpuN/trace_pipe_raw as in tracefs")
        }
        let texts = formatTexts(formats ?? path)
        let decoder: TraceDecoder
        do throws(TraceFormatError) {
            decoder = try TraceDecoder(formats: texts)
        } catch {
            throw HarnessError(
                .input, "\(formats ?? path): \(error)",
                hint: "copy events/header_page and the format files of the page_pool events into the folder of the pages; docs/trace.md describes how"
            )
        }
        return TraceFiles(name: name, input: .pages(pages.mapValues { source($0) }, decoder))
    }

    /// The pages of each CPU.
    private static func pages(_ path: String) throws -> [UInt32: String] {
        var found: [UInt32: String] = [:]
        for folder in [path, path + "/per_cpu"] {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
                guard let (cpu, rest) = cpuFile(name) else { continue }
                let file = rest == ".raw" ? "\(folder)/\(name)" : "\(folder)/\(name)/trace_pipe_raw"
                guard rest == ".raw" || (rest.isEmpty && FileManager.default.fileExists(atPath: file)) else { continue }
                guard found[cpu] == nil else {
                    throw HarnessError(
                        .input, "two files of CPU \(cpu): \(found[cpu] ?? "") and \(file)",
                        hint: "keep the pages of one trace in a folder of their own")
                }
                found[cpu] = file
            }
        }
        return found
    }

    /// The number and what follows it in a name such as `cpu12.raw`.
    private static func cpuFile(_ name: String) -> (cpu: UInt32, rest: String)? {
        guard name.utf8.starts(with: "cpu".utf8) else { return nil }
        let behind = name.utf8.dropFirst(3)
        let digits = behind.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard let cpu = UInt32(String(decoding: digits, as: UTF8.self)) else { return nil }
        return (cpu, String(decoding: behind.dropFirst(digits.count), as: UTF8.self))
    }

    /// Under the names that ppiov writes (`NAME.format`), and those of tracefs.
    private static func formatTexts(_ path: String) -> [String: String] {
        var texts: [String: String] = [:]
        for name in TraceDecoder.formatNames + [TraceDecoder.markFormatName, TraceDecoder.markTokenName] {
            let system = name == TraceDecoder.markFormatName ? "ftrace" : "page_pool"
            let places = ["\(name).format", name, "events/\(name)", "events/\(system)/\(name)/format", "\(system)/\(name)/format"]
            for place in places {
                if let bytes = FileManager.default.contents(atPath: "\(path)/\(place)") {
                    texts[name] = String(decoding: bytes, as: UTF8.self)
                    break
                }
            }
        }
        return texts
    }

    // MARK: - One file

    private static func file(_ path: String) throws -> [TraceFiles] {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw HarnessError(.input, "cannot read \(path)", hint: "a captured trace is owned by root: chown or chmod the file")
        }
        defer { try? handle.close() }
        guard (try? handle.seekToEnd()) != nil, (try? handle.seek(toOffset: 0)) != nil else {
            throw HarnessError(
                .input, "\(path) is a pipe or another file without a size",
                hint: "write it to a file: ppiov reads the evidence of a violation in a second pass")
        }
        let start = [UInt8]((try? handle.read(upToCount: 64)) ?? Data())
        if start.starts(with: TraceDat.magic) { return try dat(path, handle) }
        if path.hasSuffix(".raw") || path.hasSuffix("trace_pipe_raw") {
            throw HarnessError(
                .input, "\(path) has the pages of one CPU only",
                hint: "give the folder with the pages of all CPUs: one CPU may release what another holds")
        }
        return [TraceFiles(name: path, input: .text(source(path)))]
    }

    /// trace-cmd's file. A buffer without pages is no trace, unless all are.
    private static func dat(_ path: String, _ handle: FileHandle) throws -> [TraceFiles] {
        do {
            let size = try handle.seekToEnd()
            let dat = try TraceDat(size: size, decompressors: Decompression.all) { (offset, count) throws(TraceDatError) -> [UInt8] in
                do {
                    try handle.seek(toOffset: offset)
                    return [UInt8](try handle.read(upToCount: count) ?? Data())
                } catch {
                    throw .source("cannot read \(path): \(error.localizedDescription)")
                }
            }
            let used = dat.buffers.filter { !$0.pages.isEmpty }
            return try (used.isEmpty ? Array(dat.buffers.prefix(1)) : used).map { buffer in
                let decoder = try TraceDecoder(formats: dat.formats, pageSize: buffer.pageSize, clock: dat.clock)
                let pages = buffer.pages.mapValues { dat.source(of: $0, in: buffer) { source(path, $0) } }
                return TraceFiles(name: buffer.name.isEmpty ? path : "\(path), buffer \(printable(buffer.name))", input: .pages(pages, decoder))
            }
        } catch let error as TraceDatError {
            throw HarnessError(.input, "\(path): \(error)", hint: datHint(path, error))
        } catch let error as TraceFormatError {
            throw HarnessError(.input, "\(path): \(error)", hint: "record it with -e page_pool")
        }
    }

    /// A buffer's name comes from the file: whoever made it chose its bytes.
    private static func printable(_ name: String) -> String {
        String(name.unicodeScalars.map { $0.properties.isWhitespace && $0 != " " || $0.value < 0x20 || $0.value == 0x7f ? "?" : Character($0) })
    }

    private static func datHint(_ path: String, _ error: TraceDatError) -> String {
        switch error {
        case .truncated, .section: "stop the recording, then copy the whole file"
        case .compression: "`trace-cmd convert --compression none -i \(path) -o FILE.dat` makes it a file without compression, which ppiov reads"
        default: "`trace-cmd report -l -t -i \(path) > FILE.txt` makes a text of it, which ppiov reads"
        }
    }

    /// The file's bytes, up to 256 KiB at a time.
    private static func source(_ path: String, _ range: Range<UInt64> = 0..<UInt64.max) -> ByteSource {
        ByteSource { () throws(TraceReadError) -> ByteSource.Reader in
            guard let handle = FileHandle(forReadingAtPath: path) else { throw .source("cannot read \(path)") }
            var left = range.upperBound - range.lowerBound
            do {
                try handle.seek(toOffset: range.lowerBound)
            } catch {
                throw .source("cannot read \(path): \(error.localizedDescription)")
            }
            return { () throws(TraceReadError) -> [UInt8] in
                do {
                    let bytes = [UInt8](try handle.read(upToCount: Int(min(left, 1 << 18))) ?? Data())
                    left -= UInt64(bytes.count)
                    return bytes
                } catch {
                    throw .source("cannot read \(path): \(error.localizedDescription)")
                }
            }
        }
    }
}

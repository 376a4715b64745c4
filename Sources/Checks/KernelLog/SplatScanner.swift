// SPDX-License-Identifier: GPL-2.0

/// Reads a console line by line and collects splats, one open at a time per caller.
struct SplatScanner {
    private struct Open {
        var order: Int
        /// nil as long as only "cut here" was seen.
        var kind: Splat.Kind?
        var firstLine = ""
        var texts: [String] = []
        var lines: [String] = []
        var sawCut = false
        var sawWarning = false
        var sawOops = false

        mutating func append(_ line: LogLine) {
            texts.append(line.text)
            lines.append(line.clean)
        }
    }

    private let lineLimit: Int
    private var open: [String: Open] = [:]
    private var done: [(order: Int, splat: Splat)] = []
    private var count = 0
    /// Splats that were closed before their end marker. Such a marker on a later line is no new splat.
    private var abandoned = 0

    init(lineLimit: Int) {
        self.lineLimit = lineLimit
    }

    mutating func read(_ line: LogLine) {
        if line.text.hasPrefix("ppiov: begin ") || line.text.hasPrefix("ppiov: end ") {
            for key in open.keys { close(key) }
            return
        }
        var key = line.caller ?? ""
        // A line without its prefix belongs to the only open splat.
        if line.caller == nil, open[key] == nil, open.count == 1, let only = open.keys.first { key = only }
        guard var current = open[key] else {
            begin(line, key: line.caller ?? "")
            return
        }
        if SplatHeadline.isCutHere(line.text) {
            // slub.c reports and then warns; BUG_ON_DATA_CORRUPTION prints the fault and then "cut here".
            // Two CPUs print "cut here" at the same moment, and no caller separates them: their headlines do.
            let twoAtOnce = current.kind == nil && current.texts.count == 1
            guard twoAtOnce || (!current.sawCut && (current.kind == .slab || current.kind == .listCorruption)) else {
                abandoned += 1
                close(key)
                begin(line, key: line.caller ?? "")
                return
            }
            current.sawCut = true
        } else if let kind = SplatHeadline.kind(of: line.text, afterCut: current.kind == nil) {
            guard merge(kind, line, into: &current) else {
                if current.sawCut { abandoned += 1 }
                close(key)
                begin(line, key: line.caller ?? "")
                return
            }
        } else if endsBefore(line.text, current) {
            close(key)
            return
        }
        current.append(line)
        open[key] = current
        if endsWith(line.text, current) || current.lines.count >= lineLimit { close(key) }
    }

    mutating func finish() -> [Splat] {
        for key in open.keys { close(key) }
        return done.sorted { $0.order < $1.order }.map(\.splat)
    }

    private mutating func begin(_ line: LogLine, key: String) {
        let cut = SplatHeadline.isCutHere(line.text)
        var kind = cut ? nil : SplatHeadline.kind(of: line.text, afterCut: false)
        if kind == nil && SplatHeadline.isEndTrace(line.text) {
            // The end of a splat whose beginning is not on the console.
            if abandoned == 0 { kind = .warning } else { abandoned -= 1 }
        }
        guard cut || kind != nil else { return }
        var new = Open(order: count)
        count += 1
        new.sawCut = cut
        new.kind = kind
        new.firstLine = cut ? "" : line.text
        new.sawWarning = line.text.hasPrefix("WARNING: ")
        new.sawOops = kind == .oops && !line.text.hasPrefix("BUG: ")
        new.append(line)
        open[key] = new
        if endsWith(line.text, new) { close(key) }
    }

    /// Whether a headline belongs to the splat that is open; if so, records its kind.
    private func merge(_ kind: Splat.Kind, _ line: LogLine, into current: inout Open) -> Bool {
        guard let known = current.kind else {
            current.kind = kind
            current.firstLine = line.text
            current.sawWarning = line.text.hasPrefix("WARNING: ")
            return true
        }
        switch kind {
        case .warning:
            // The message of a WARN() comes before its WARNING line.
            guard current.sawCut, !current.sawWarning, [.refcount, .dmaAPI, .listCorruption, .slab, .warning].contains(known)
            else { return false }
            current.sawWarning = true
            return true
        case .refcount, .dmaAPI, .listCorruption:
            guard known == .warning, current.texts.count < 4 else { return false }
            current.kind = kind
            current.firstLine = line.text
            return true
        case .bug: return known == .listCorruption && current.sawCut && line.text.hasPrefix("kernel BUG at ")
        case .oops:
            guard [.bug, .oops, .listCorruption].contains(known), !current.sawOops else { return false }
            // The page-fault handler prints "BUG: ..." first and "Oops: ..." later; a second "BUG: ..." is another fault.
            guard !line.text.hasPrefix("BUG: ") else { return false }
            current.sawOops = true
            return true
        case .rcuStall: return known == .rcuStall && !line.text.has("INFO: ")
        case .refTracker: return known == .refTracker
        default: return false
        }
    }

    /// Splats without an end marker: they end before the first line of something else.
    private func endsBefore(_ text: String, _ current: Open) -> Bool {
        switch current.kind {
        case .refTracker: !(text.isEmpty || text.hasPrefix(" "))
        case .kmemleak: !text.hasPrefix("kmemleak: ")
        default: false
        }
    }

    private func endsWith(_ text: String, _ current: Open) -> Bool {
        switch current.kind {
        case .panic: return text.hasPrefix("---[ end Kernel panic")
        case .stalledPool, .heldNetdevice: return true
        case .kasan, .kfence, .kmsan, .kcsan: return SplatHeadline.isRuler(text)
        case .dmaAPI where !current.sawCut: return true
        case .lockdep, .atomicContext, .badPage, .hungTask, .rcuStall, .lockup:
            return text.unindented == "</TASK>"
        case .slab where !current.sawCut: return text.unindented == "</TASK>" || text.hasPrefix("FIX ")
        case .bug where !current.sawCut && !current.sawOops && !current.firstLine.hasPrefix("kernel BUG"):
            return text.unindented == "</TASK>"
        default: return SplatHeadline.isEndTrace(text)
        }
    }

    private mutating func close(_ key: String) {
        guard let splat = open.removeValue(forKey: key) else { return }
        // It ends right after "cut here": the next line is used as its headline.
        var firstLine = splat.firstLine
        if splat.kind == nil { firstLine = splat.texts.dropFirst().first { !$0.isEmpty } ?? splat.texts.first ?? "" }
        done.append(
            (
                splat.order,
                Splat(
                    kind: splat.kind ?? .warning, firstLine: firstLine, lines: splat.lines, fingerprint: CallTrace.functions(in: splat.texts))
            ))
    }
}

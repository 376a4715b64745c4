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
        var sawCallTrace = false
        /// It reports no fault (`LoneReport.isNeutral`): it is read so that its dump is not taken for one.
        var isNeutral = false
        /// It was found by `LoneReport`: it may be this one line, and ends where something else begins.
        var isLone = false

        mutating func append(_ line: LogLine) {
            texts.append(line.text)
            lines.append(line.clean)
            if LoneReport.isCallTrace(line.text) { sawCallTrace = true }
        }
    }

    private let lineLimit: Int
    private var open: [String: Open] = [:]
    private var done: [(order: Int, splat: Splat)] = []
    private var count = 0
    /// Splats that were closed before their end marker. Such a marker on a later line is no new splat.
    private var abandoned = 0
    /// The last line of each caller that belongs to no splat: it may be the message before a dump of the stack.
    private var before: [String: LogLine] = [:]
    /// Callers whose splat ended with their last line. What a taint prints belongs to it.
    private var justClosed: Set<String> = []
    /// The place in `done` of a dump of the stack that ended with a caller's last line: an end marker after it is its own.
    private var lastDump: [String: Int] = [:]
    /// Callers whose splat reached the line limit: a dump of the stack may be its rest.
    private var overlong: Set<String> = []

    init(lineLimit: Int) {
        self.lineLimit = lineLimit
    }

    mutating func read(_ line: LogLine) {
        // Headlines are within what the kernel prints at once; a longer line is searched no further.
        var line = line
        if line.text.utf8.count > Self.longest {
            line.text = String(decoding: line.text.utf8.prefix(Self.longest), as: UTF8.self) + Self.end(of: line)
        }
        if line.text.begins("ppiov: begin ") || line.text.begins("ppiov: end ") {
            for key in open.keys { close(key) }
            (before, justClosed, lastDump, overlong) = ([:], [], [:], [])
            return
        }
        var key = line.caller ?? ""
        // A line without its prefix belongs to the only open splat.
        if line.caller == nil, open[key] == nil, open.count == 1, let only = open.keys.first { key = only }
        if isExcused(line, key) {
            before[key] = line
            return
        }
        if let kind = LostEvidence.kind(of: line.text), isOfItsOwn(kind, line, open[key]) {
            done.append((count, Splat(kind: kind, firstLine: line.text, lines: [line.clean], fingerprint: [])))
            count += 1
            return
        }
        guard var current = open[key] else {
            begin(line, key: line.caller ?? "")
            return
        }
        if SplatHeadline.isCutHere(line.text) {
            // slub.c reports and then warns; BUG_ON_DATA_CORRUPTION prints the fault and then "cut here".
            // Two CPUs print "cut here" at the same moment, and no caller separates them: their headlines do.
            let twoAtOnce = current.kind == nil && current.texts.count == 1 && !current.isNeutral
            guard twoAtOnce || (!current.sawCut && (current.kind == .slab || current.kind == .listCorruption)) else {
                if !current.isNeutral && !current.isLone { abandoned += 1 }
                close(key)
                begin(line, key: line.caller ?? "")
                return
            }
            current.sawCut = true
        } else if let kind = SplatHeadline.kind(of: line.text, afterCut: current.kind == nil && !current.isNeutral) {
            guard merge(kind, line, into: &current) else {
                if current.sawCut { abandoned += 1 }
                close(key)
                begin(line, key: line.caller ?? "")
                return
            }
        } else if endsBefore(line.text, current) || isOther(line.text, current) {
            close(key)
            begin(line, key: line.caller ?? "")
            return
        }
        current.append(line)
        open[key] = current
        if endsWith(line.text, current) {
            close(key)
        } else if current.lines.count >= lineLimit {
            overlong.insert(key)
            close(key)
        }
    }

    private static let longest = 2048
    /// The most lines of a neutral report before its call trace: registers.
    private static let headOfDump = 40

    /// The end of a line that is cut: it has what is at the end of a message.
    private static func end(of line: LogLine) -> String { String(decoding: line.text.utf8.suffix(32), as: UTF8.self) }

    mutating func finish() -> [Splat] {
        for key in open.keys { close(key) }
        return done.sorted { $0.order < $1.order }.map(\.splat)
    }

    /// Whether a line about lost evidence is a splat of one line. A report that follows from a fault, or has a dump of the stack, is not.
    private func isOfItsOwn(_ kind: Splat.Kind, _ line: LogLine, _ current: Open?) -> Bool {
        guard kind == .detectorOff else { return true }
        // Their reports have more lines.
        if line.text.begins("BUG: ") || line.text.has("(overlaps existing)") || line.text.has("the locking correctness validator") { return false }
        guard let current, !current.isNeutral else { return true }
        // Every report of lockdep, and every taint, switches it off.
        return LostEvidence.detector(in: line.text) != "lockdep" || current.kind == .kmemleak
    }

    /// A taint switches lockdep off: one that a report causes, whose line follows it, and one of a module that the machine loads, which is
    /// the machine's configuration.
    private func isExcused(_ line: LogLine, _ key: String) -> Bool {
        guard open[key] == nil, line.text.begins("Disabling lock debugging due to kernel taint") else { return false }
        return justClosed.contains(key) || before[key].map { $0.text.has(" taints kernel") } == true
    }

    /// Whether the line is a report that does not belong to the open splat, which has no dump of the stack and no end marker so far.
    private func isOther(_ text: String, _ current: Open) -> Bool {
        guard !current.isNeutral, !current.isLone, !current.sawCut, !current.sawCallTrace, let kind = LoneReport.kind(of: text) else { return false }
        return !(kind == .badPage && text.begins("page dumped because: "))
    }

    private mutating func begin(_ line: LogLine, key: String) {
        // What begins here may close at once.
        justClosed.remove(key)
        let cut = SplatHeadline.isCutHere(line.text)
        var kind = cut ? nil : SplatHeadline.kind(of: line.text, afterCut: false)
        if kind == nil && SplatHeadline.isEndTrace(line.text) {
            // The end of a splat whose beginning is not on the console.
            if let dump = lastDump.removeValue(forKey: key) {
                done[dump].splat.kind = .warning
                done[dump].splat.firstLine = line.text
                done[dump].splat.lines.append(line.clean)
                return
            }
            if abandoned == 0 { kind = .warning } else { abandoned -= 1 }
        }
        lastDump[key] = nil
        var isLone = false
        if !cut && kind == nil {
            if LoneReport.isNeutral(line.text) {
                var neutral = Open(order: -1)
                neutral.isNeutral = true
                neutral.append(line)
                open[key] = neutral
                return
            }
            if let lone = LoneReport.kind(of: line.text) ?? LostEvidence.kind(of: line.text) {
                (kind, isLone) = (lone, true)
            } else if isDump(line, key) {
                beginDump(line, key)
                return
            }
        }
        guard cut || kind != nil else {
            if !line.text.isEmpty { before[key] = line }
            return
        }
        var new = Open(order: count)
        count += 1
        new.sawCut = cut
        new.kind = kind
        new.isLone = isLone
        new.firstLine = cut ? "" : line.text
        new.sawWarning = line.text.begins("WARNING: ")
        new.sawOops = kind == .oops && !line.text.begins("BUG: ")
        new.append(line)
        overlong.remove(key)
        open[key] = new
        if endsWith(line.text, new) { close(key) }
    }

    /// Whether a dump of the stack begins that belongs to no report. The rest of a report that was closed early is none.
    private func isDump(_ line: LogLine, _ key: String) -> Bool {
        guard LoneReport.isStackDump(line.text) || LoneReport.isCallTrace(line.text) else { return false }
        return abandoned == 0 && !overlong.contains(key)
    }

    /// The message before it, if it is of the same moment, is its headline.
    private mutating func beginDump(_ line: LogLine, _ key: String) {
        var new = Open(order: count)
        count += 1
        new.kind = .stackDump
        new.isLone = true
        new.firstLine = line.text
        if let message = before[key], (message.time == nil) == (line.time == nil), (line.time ?? 0) &- (message.time ?? 0) < 100_000 {
            new.firstLine = message.text
            new.append(message)
        }
        new.append(line)
        open[key] = new
    }

    /// Whether a headline belongs to the splat that is open; if so, records its kind.
    private func merge(_ kind: Splat.Kind, _ line: LogLine, into current: inout Open) -> Bool {
        if current.isNeutral || current.isLone { return false }
        guard let known = current.kind else {
            current.kind = kind
            current.firstLine = line.text
            current.sawWarning = line.text.begins("WARNING: ")
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
        case .bug: return known == .listCorruption && current.sawCut && line.text.begins("kernel BUG at ")
        case .oops:
            guard [.bug, .oops, .listCorruption].contains(known), !current.sawOops else { return false }
            // The page-fault handler prints "BUG: ..." first and "Oops: ..." later; a second "BUG: ..." is another fault.
            guard !line.text.begins("BUG: ") else { return false }
            current.sawOops = true
            return true
        case .rcuStall: return known == .rcuStall && !line.text.has("INFO: ")
        case .refTracker: return known == .refTracker
        default: return false
        }
    }

    /// Splats without an end marker: they end before the first line of something else.
    private func endsBefore(_ text: String, _ current: Open) -> Bool {
        if current.isNeutral || current.isLone {
            // Neither a second message nor a second dump belongs to it.
            if current.sawCallTrace { return LoneReport.isNeutral(text) || LoneReport.isStackDump(text) || !isFrame(text) }
            if current.isNeutral { return LoneReport.isNeutral(text) || LoneReport.kind(of: text) != nil || current.lines.count > Self.headOfDump }
            return LoneReport.isNeutral(text) || !LoneReport.isPartOfDump(text)
        }
        switch current.kind {
        case .refTracker: return !(text.isEmpty || text.begins(" "))
        case .kmemleak: return !text.begins("kmemleak: ")
        default: return false
        }
    }

    private func isFrame(_ text: String) -> Bool {
        text.isEmpty || text.begins(" ") || LoneReport.isCallTrace(text) || CallTrace.frame(text) != nil || LoneReport.isPartOfDump(text)
    }

    private func endsWith(_ text: String, _ current: Open) -> Bool {
        if current.isNeutral || current.isLone { return current.sawCallTrace && text.unindented.begins("</TASK>") }
        switch current.kind {
        case .panic: return text.begins("---[ end Kernel panic")
        case .stalledPool, .heldNetdevice: return true
        case .kasan, .kfence, .kmsan, .kcsan: return SplatHeadline.isRuler(text)
        case .dmaAPI where !current.sawCut: return true
        case .lockdep, .atomicContext, .badPage, .hungTask, .rcuStall, .lockup, .detectorOff:
            return text.unindented.begins("</TASK>")
        case .slab where !current.sawCut: return text.unindented.begins("</TASK>") || text.begins("FIX ")
        case .bug where !current.sawCut && !current.sawOops && !current.firstLine.begins("kernel BUG"):
            return text.unindented.begins("</TASK>")
        default: return SplatHeadline.isEndTrace(text)
        }
    }

    private mutating func close(_ key: String) {
        before[key] = nil
        lastDump[key] = nil
        guard let splat = open.removeValue(forKey: key), !splat.isNeutral else { return }
        justClosed.insert(key)
        if splat.kind == .stackDump { lastDump[key] = done.count }
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

// SPDX-License-Identifier: GPL-2.0

internal import LifeCycle
internal import Results

/// A scenario whose id was changed: `--filter` with the old id takes the scenario of the new one.
public struct RenamedScenario: Sendable, Equatable, CustomStringConvertible {
    public let old: String
    public let new: String

    /// For the user who gave the old id.
    public var description: String { "\(old) is now \(new)" }

    /// Those whose old id matches a shell glob; for "soak." ids the one of today's words.
    public static func matching(_ pattern: String) -> [RenamedScenario] {
        if pattern.hasPrefix(MoveSequence.prefix) {
            let new = translated(pattern, by: Move.formerWords)
            return new != pattern && MoveSequenceScenario.named(new) != nil ? [RenamedScenario(old: pattern, new: new)] : []
        }
        return all.filter { Glob.matches(pattern, $0.old) }
    }

    /// Every id that was changed, but for those of "soak.". CHANGELOG.md has the same table.
    public static let all: [RenamedScenario] =
        table.split(separator: "\n").map { line in
            let words = line.split(separator: " ")
            return RenamedScenario(old: String(words[0]), new: String(words[words.count - 1]))
        } + teardown

    /// The endings of the teardown matrix that were renamed with their moves.
    private static let teardown: [RenamedScenario] = TeardownFamily.family.scenarios.compactMap { scenario in
        let formerWords = Dictionary(uniqueKeysWithValues: Move.formerWords.map { ($1, $0) })
        let old = translated(scenario.id, by: formerWords)
        return old == scenario.id ? nil : RenamedScenario(old: old, new: scenario.id)
    }

    /// An id with the moves of its last part replaced.
    private static func translated(_ id: String, by words: [String: String]) -> String {
        var parts = id.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard let moves = parts.popLast() else { return id }
        parts.append(moves.split(separator: "-", omittingEmptySubsequences: false).map { words[String($0)] ?? String($0) }.joined(separator: "-"))
        return parts.joined(separator: ".")
    }

    private static let table = """
        pages.looked-at pages.retried
        pages.told-elsewhere pages.report-other-namespace
        zcrx.told zcrx.report
        zcrx.told-in-dumps zcrx.report-in-dumps
        zcrx.told-removed zcrx.report-removed
        devmem.unheard devmem.unread-reply
        devmem.told devmem.report
        devmem.told-in-dumps devmem.report-in-dumps
        nodev.completion-room nodev.completion-capacity
        transmit.pieces transmit.fragments
        fault.devmem.give-back fault.devmem.return
        traffic.zcrx.pieces-together traffic.zcrx.fragments-together
        traffic.zcrx.pieces-held traffic.zcrx.fragments-held
        traffic.zcrx.cut traffic.zcrx.truncated
        traffic.devmem.pieces-together traffic.devmem.fragments-together
        traffic.devmem.pieces-held traffic.devmem.fragments-held
        traffic.devmem.cut traffic.devmem.truncated
        traffic.zcrx.merged traffic.zcrx.gro
        traffic.zcrx.merged-unread traffic.zcrx.gro-unread
        traffic.devmem.merged traffic.devmem.gro
        traffic.devmem.merged-unread traffic.devmem.gro-unread
        traffic.devmem.control-room traffic.devmem.control-capacity
        traffic.zcrx.completion-room traffic.zcrx.completion-capacity
        traffic.zcrx.copy-completion-room traffic.zcrx.copy-completion-capacity
        traffic.zcrx.other-readers traffic.zcrx.unreadable
        traffic.devmem.other-readers traffic.devmem.unreadable
        beyond.dmabuf.copies zcrx.dmabuf.copies
        beyond.dmabuf.idle zcrx.dmabuf.idle
        beyond.dmabuf.receive zcrx.dmabuf.receive
        beyond.dmabuf.held zcrx.dmabuf.held
        beyond.region.kernel zcrx.region.kernel
        beyond.dmabuf.removed zcrx.dmabuf.removed
        beyond.areas.add zcrx.area.add
        beyond.areas.held zcrx.area.held
        beyond.areas.dmabuf zcrx.area.dmabuf
        beyond.areas.restart zcrx.area.restart
        beyond.areas.refused zcrx.area.refused
        beyond.areas.far zcrx.area.far
        beyond.buffers.8k large-buffers.8k
        beyond.buffers.16k large-buffers.16k
        beyond.buffers.64k large-buffers.64k
        beyond.buffers.returned large-buffers.returned
        beyond.buffers.copied large-buffers.copied
        beyond.buffers.devmem large-buffers.devmem
        beyond.areas.two-rings zcrx.area.two-rings
        beyond.areas.removed zcrx.area.removed
        beyond.areas.process zcrx.area.process
        beyond.beside.user zcrx.two-queues.user
        beyond.beside.kernel zcrx.two-queues.kernel
        beyond.refuse.buffer-length zcrx.refuse.buffer-length
        beyond.refuse.buffer-offered zcrx.refuse.buffer-offered
        beyond.refuse.buffer-odd zcrx.refuse.buffer-odd
        beyond.refuse.buffer-small zcrx.refuse.buffer-small
        beyond.refuse.dmabuf-length zcrx.refuse.dmabuf-length
        beyond.refuse.dmabuf-offset zcrx.refuse.dmabuf-offset
        beyond.refuse.dmabuf-buffer-length zcrx.refuse.dmabuf-buffer-length
        beyond.refuse.dmabuf-none zcrx.refuse.dmabuf-none
        beyond.refuse.frozen-registration zcrx.refuse.read-only-registration
        beyond.refuse.frozen-area zcrx.refuse.read-only-area
        beyond.refuse.frozen-region zcrx.refuse.read-only-region
        beyond.event.empty zcrx.event.empty
        beyond.event.unread zcrx.event.unread
        beyond.event.both zcrx.event.both
        beyond.event.copied zcrx.event.copied
        beyond.event.uncounted zcrx.event.uncounted
        beyond.nodev.copied nodev.copied
        beyond.share.exporter-first zcrx.export.exporter-first
        beyond.share.importer-first zcrx.export.importer-first
        beyond.share.descriptor zcrx.export.descriptor
        beyond.share.in-flight zcrx.export.in-flight
        beyond.share.reimport zcrx.export.reimport
        beyond.share.process zcrx.export.process
        beyond.share.process-killed zcrx.export.process-killed
        beyond.share.events zcrx.export.events
        beyond.share.events-own zcrx.export.events-own
        beyond.share.removed zcrx.export.removed
        beyond.share.no-descriptor zcrx.export.no-descriptor
        beyond.share.frozen zcrx.export.read-only-import
        beyond.share.frozen-export zcrx.export.read-only-export
        beyond.share.refused zcrx.export.refused
        selftest.pass harness.pass
        selftest.fail harness.fail
        selftest.skip harness.skip
        selftest.warn harness.warn
        selftest.bug harness.bug
        selftest.panic harness.panic
        selftest.hang harness.hang
        selftest.spin harness.spin
        selftest.exit harness.exit
        selftest.kill harness.kill
        selftest.descriptor harness.descriptor
        selftest.leak harness.leak
        selftest.unexercised harness.unexercised
        selftest.litter harness.litter
        selftest.littered harness.littered
        selftest.after harness.after
        """
}

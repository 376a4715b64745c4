// SPDX-License-Identifier: GPL-2.0

/// Cuts bytes into lines, without the ends of the lines: LF, CR LF or what a serial line makes of it.
struct TextLines {
    private let read: ByteSource.Reader
    private(set) var buffer: [UInt8] = []
    private var at = 0
    private var ended = false
    /// Of the latest line, from 1.
    private(set) var number = 0
    /// The latest line is the last one and has no newline.
    private(set) var isUnterminated = false
    /// Bytes of a line at the most: the kernel prints a page at a time (`trace_seq`).
    private static let maximumLine = 1 << 16

    init(read: @escaping ByteSource.Reader) { self.read = read }

    /// The next line, as a range of the buffer.
    mutating func next() throws(TraceReadError) -> Range<Int>? {
        guard var line = try nextLine() else { return nil }
        number += 1
        if number == 1 { line = try withoutByteOrderMark(line) }
        while let last = line.last, buffer[last] == Ascii.carriageReturn { line = line.dropLast() }
        while let first = line.first, buffer[first] == Ascii.carriageReturn { line = line.dropFirst() }
        return line
    }

    private mutating func nextLine() throws(TraceReadError) -> Range<Int>? {
        // The bytes before it have no newline.
        var searched = at
        while true {
            if let end = buffer.span.first(Ascii.newline, in: searched..<buffer.count) {
                defer { at = end + 1 }
                return at..<end
            }
            if ended {
                guard at < buffer.count else { return nil }
                defer { at = buffer.count }
                isUnterminated = true
                return at..<buffer.count
            }
            guard buffer.count - at <= Self.maximumLine else {
                throw .line(number + 1, "longer than \(Self.maximumLine) bytes, which no line of a trace is")
            }
            let more = try read()
            if more.isEmpty { ended = true }
            buffer.removeSubrange(..<at)
            at = 0
            searched = buffer.count
            buffer += more
        }
    }

    private func withoutByteOrderMark(_ line: Range<Int>) throws(TraceReadError) -> Range<Int> {
        let start = buffer[line.prefix(3)]
        if start.elementsEqual([0xef, 0xbb, 0xbf]) { return line.dropFirst(3) }
        if start.starts(with: [0xff, 0xfe]) || start.starts(with: [0xfe, 0xff]) {
            throw .line(1, "the text is UTF-16; save it as the bytes that tracefs or trace-cmd printed")
        }
        return line
    }
}

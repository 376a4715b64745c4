// SPDX-License-Identifier: GPL-2.0

extension TraceEvent {
    /// What user space does, as `ppiov: NAME [COUNT]` in `trace_marker`.
    ///
    /// A mark with a lower count is written before user space returns buffers, a mark with a higher count after it received them. So a
    /// mark is true until the next mark.
    public enum Mark: String, CaseIterable, Sendable {
        /// A provider was bound.
        case bound
        /// From now on user space holds at least `count` net_iovs.
        case userHeld = "user-held"
        /// User space is about to close its socket or ring: it holds nothing from now on.
        case closed
        /// User space is about to be killed: it holds nothing from now on.
        case killed

        /// Nil if the text is not a mark of ppiov. Only its first line is read.
        ///
        /// - Parameter token: the word that ends every mark of this trace; nil where marks have none.
        init?(text: ArraySlice<UInt8>, token: String? = nil, count: inout UInt32) {
            guard text.starts(with: Self.prefix.utf8) else { return nil }
            let line = text.dropFirst(Self.prefix.utf8.count).prefix { $0 != Ascii.newline }
            let words = line.split(whereSeparator: Ascii.isSpace)
            guard let name = words.first, let mark = Self.allCases.first(where: { name.elementsEqual($0.rawValue.utf8) }) else { return nil }
            if mark == .userHeld {
                guard words.count > 1, let value = Ascii.number(words[1], UInt32.self) else { return nil }
                count = value
            }
            if let token {
                let own = mark == .userHeld ? 2 : 1
                guard words.count == own + 1, words[own].elementsEqual(token.utf8) else { return nil }
            }
            self = mark
        }

        private static let prefix = "ppiov: "

        /// The line to write into `trace_marker`.
        public func line(_ count: UInt32 = 0) -> String { Self.prefix + rawValue + (self == .userHeld ? " \(count)" : "") }
    }
}

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

        /// Nil if the text is not a mark of ppiov.
        ///
        /// - Parameter token: the word that ends every mark of this trace; nil where marks have none.
        init?(line: Substring, token: String? = nil, count: inout UInt32) {
            guard line.hasPrefix(Self.prefix) else { return nil }
            let words = line.dropFirst(Self.prefix.count).split(whereSeparator: \.isWhitespace)
            guard let name = words.first, let mark = Self(rawValue: String(name)) else { return nil }
            if mark == .userHeld {
                guard words.count > 1, let value = UInt32(words[1]) else { return nil }
                count = value
            }
            if let token {
                let own = mark == .userHeld ? 2 : 1
                guard words.count == own + 1, words[own] == token else { return nil }
            }
            self = mark
        }

        private static let prefix = "ppiov: "

        /// The line to write into `trace_marker`.
        public func line(_ count: UInt32 = 0) -> String { Self.prefix + rawValue + (self == .userHeld ? " \(count)" : "") }
    }
}

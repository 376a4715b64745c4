// SPDX-License-Identifier: GPL-2.0

/// A subject, with the values in its brackets: "[PATCH net-next v3 2/5] net: do it".
struct PatchSubject: Equatable, Sendable {
    /// Without what is before it: brackets, "Re:".
    var text = ""
    var number: Int?
    var count: Int?
    /// "3" of "v3", "2.1" of "v2.1".
    var version: String?
    /// A mail program wrote that it answers another mail.
    var isReply = false
    /// A word and a colon are before the bracket: an answer in another language, a forwarded mail, or what a gateway added.
    var hasPrefix = false
    /// The words in its brackets, in their order: "PATCH", "net-next".
    var words: [String] = []

    /// - Parameter line: the subject in UTF-8, unfolded.
    init(_ line: some StringProtocol) {
        // What is longer is no subject, and is not shown.
        var rest = Array(line.utf8.prefix(Self.longest + 1))[...].trimmed
        var isAfterBracket = false
        // Where a patch's bracket is known to be: the words before it are read once.
        var bracket: Int?
        scan: while true {
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 || (isAfterBracket && $0 == 0x3a) }
            if rest.first == 0x5b {
                guard let end = rest.firstIndex(of: 0x5d) else { break }
                read(rest[rest.index(after: rest.startIndex)..<end])
                rest = rest[rest.index(after: end)...]
                isAfterBracket = true
                continue
            }
            if let (after, isReply) = Self.prefix(rest, &bracket) {
                self.isReply = self.isReply || isReply
                hasPrefix = true
                rest = after
                continue
            }
            break scan
        }
        if number == nil { readBare(&rest) }
        text = ShownText.shown(rest.trimmed)
    }

    private static let longest = 4096

    /// What mail programs write before the subject of an answer, in lower case and without the colon. Such a word may be the beginning of a subject as
    /// well, so that those of ASCII letters count only before a bracket, but for the first.
    private static let replies: Set<String> = [
        "re", "aw", "sv", "antw", "antwort", "vs", "ref", "rif", "res", "rép", "rep", "odp", "od", "ynt", "vá", "va", "atb", "ats", "bls", "balas",
        "απ", "σχετ", "השב", "תשובה", "رد", "回复", "回覆", "答复", "答覆", "返信", "回信", "답장", "회신", "отв", "ответ", "hồi âm", "trả lời", "ตอบ",
    ]

    private static let always: Set<String> = ["re", "aw", "sv", "antw"]

    /// - Returns: what is after a word and a colon before the subject, and whether it is of an answer; nil where there is none.
    ///
    /// - Parameter bracket: where a patch's bracket is that was found after an earlier word; set to the one that is found.
    private static func prefix(_ bytes: ArraySlice<UInt8>, _ bracket: inout Int?) -> (rest: ArraySlice<UInt8>, isReply: Bool)? {
        guard let word = word(bytes) else { return nil }
        if word.isReply, !word.isASCII || word.isAlways { return (word.rest, true) }
        guard !word.hasBracket else { return nil }
        if bracket.map({ $0 < word.rest.startIndex }) ?? true { bracket = patchBracket(after: word.rest) }
        return bracket == nil ? nil : (word.rest, word.isReply)
    }

    /// A word and a colon before the subject.
    private struct Word {
        var rest: ArraySlice<UInt8>
        var isReply: Bool
        /// Counts wherever it is.
        var isAlways: Bool
        var isASCII: Bool
        var hasBracket: Bool
    }

    private static func word(_ bytes: ArraySlice<UInt8>) -> Word? {
        // U+FF1A is the colon of Chinese and Japanese.
        let start = bytes.prefix(44)
        let wide = start.indices.first { start[$0...].begins(with: "\u{ff1a}") }
        let narrow = start.firstIndex(of: 0x3a)
        guard let colon = [wide, narrow].compactMap({ $0 }).min(), colon - bytes.startIndex <= 40 else { return nil }
        var word = bytes[..<colon].trimmed
        let rest = bytes[(colon + (colon == wide ? 3 : 1))...]
        // "Re[2]" and "Re(2)" of the second answer.
        if let last = word.last, last == 0x5d || last == 0x29, let open = word.lastIndex(where: { $0 == 0x5b || $0 == 0x28 }), open > word.startIndex,
            word[(open + 1)...].dropLast().number?.rest.isEmpty == true
        {
            word = word[..<open]
        }
        guard let text = String(validating: word, as: UTF8.self)?.lowercased(), !text.isEmpty else { return nil }
        return Word(
            rest: rest, isReply: replies.contains(text), isAlways: always.contains(text), isASCII: word.allSatisfy { $0 < 0x80 },
            hasBracket: word.firstIndex(of: 0x5b) != nil)
    }

    /// Where a bracket of a patch is, after other words with a colon or other brackets; nil where there is none.
    private static func patchBracket(after bytes: ArraySlice<UInt8>) -> Int? {
        var rest = bytes
        while true {
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
            if rest.first == 0x5b, let end = rest.firstIndex(of: 0x5d) {
                var subject = PatchSubject()
                subject.read(rest[(rest.startIndex + 1)..<end])
                if subject.number != nil || subject.words.contains(where: { $0.lowercased().hasPrefix("patch") || $0.lowercased().hasPrefix("rfc") })
                {
                    return rest.startIndex
                }
                rest = rest[(end + 1)...]
            } else if let word = word(rest), !word.hasBracket || word.isReply && (!word.isASCII || word.isAlways) {
                rest = word.rest
            } else {
                return nil
            }
        }
    }

    private init() {}

    /// Reads what is in a bracket.
    private mutating func read(_ bytes: ArraySlice<UInt8>) {
        let parts = bytes.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x2c || $0 == 0x3b }
        for (index, part) in parts.enumerated() {
            words.append(ShownText.shown(part, limit: 80))
            var word = part.lowercased[...]
            // "PATCHv3", "RFCv2", "PATCH3/4".
            for name in ["patch", "rfc"] as [StaticString] where word.begins(with: name) && word.count > name.utf8CodeUnitCount {
                word = word.dropFirst(name.utf8CodeUnitCount)
            }
            if let (number, count) = Self.counters(word) {
                (self.number, self.count) = (number, count)
            } else if word.first == UInt8(ascii: "v"), let version = Self.version(word.dropFirst()) {
                self.version = version
            } else if part.lowercased.elementsEqual("of".utf8), index > 0, index + 1 < parts.count, let number = parts[index - 1].number,
                let count = parts[index + 1].number, number.rest.isEmpty, count.rest.isEmpty
            {
                // As Mercurial's mails: "[PATCH 1 of 2]".
                (self.number, self.count) = (number.value, count.value)
            }
        }
    }

    /// "2/5".
    private static func counters(_ word: ArraySlice<UInt8>) -> (Int, Int)? {
        guard let number = word.number, number.rest.first == 0x2f, let count = number.rest.dropFirst().number, count.rest.isEmpty else { return nil }
        return (number.value, count.value)
    }

    /// "2", "2.1".
    private static func version(_ word: ArraySlice<UInt8>) -> String? {
        let parts = word.split(separator: 0x2e, omittingEmptySubsequences: false)
        var numbers: [String] = []
        for part in parts {
            guard let number = part.number, number.rest.isEmpty else { return nil }
            numbers.append(String(number.value))
        }
        return numbers.joined(separator: ".")
    }

    /// Reads a number that is in no bracket: "[PATCH] 1/2: x", "[PATCH] (1/2) x", "PATCH v2 1/2: x".
    private mutating func readBare(_ rest: inout ArraySlice<UInt8>) {
        var bytes = rest
        var isPatch = words.contains { $0.lowercased().hasPrefix("patch") || $0.lowercased().hasPrefix("rfc") }
        var version = version
        while let blank = bytes.firstIndex(of: 0x20) {
            let word = bytes[..<blank].lowercased[...]
            if word.elementsEqual("patch".utf8), bytes.begins(with: "PATCH") {
                isPatch = true
            } else if isPatch, word.first == UInt8(ascii: "v"), let found = Self.version(word.dropFirst()) {
                version = found
            } else {
                break
            }
            bytes = bytes[blank...].drop { $0 == 0x20 }
        }
        guard isPatch else { return }
        let word = bytes.prefix { $0 != 0x20 && $0 != 0x3a && $0 != 0x09 }
        let inner = word.first == 0x28 && word.last == 0x29 ? word.dropFirst().dropLast() : word
        guard let (number, count) = Self.counters(inner) else { return }
        (self.number, self.count, self.version) = (number, count, version)
        rest = bytes[word.endIndex...].drop { $0 == 0x20 || $0 == 0x3a || $0 == 0x09 }
    }
}

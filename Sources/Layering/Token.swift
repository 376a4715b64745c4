// SPDX-License-Identifier: GPL-2.0

/// A token of Swift source: comments and white space are skipped.
struct Token: Equatable, Sendable {
    enum Kind: Sendable { case identifier, number, string, symbol }

    var kind: Kind
    /// An identifier without its backticks; a string without its quotes and interpolations; one character of punctuation.
    var text: String
    /// Counted from 1.
    var line: Int

    func isSymbol(_ symbol: String) -> Bool { kind == .symbol && text == symbol }
    func isWord(_ word: String) -> Bool { kind == .identifier && text == word }
}

/// Splits Swift source into tokens.
///
/// The interpolations of a string are code, and their tokens are included. The lexer only has to separate code from comments and strings.
struct Lexer {
    private let bytes: [UInt8]
    private var place = 0
    private var line = 1
    private var tokens: [Token] = []

    static func tokens(of text: String) -> [Token] {
        var lexer = Lexer(bytes: Array(text.utf8))
        lexer.code(untilParenthesis: false)
        return lexer.tokens
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private func byte(_ offset: Int = 0) -> UInt8 { place + offset < bytes.count ? bytes[place + offset] : 0 }

    private func isAt(_ text: StaticString) -> Bool {
        guard place + text.utf8CodeUnitCount <= bytes.count else { return false }
        return (0..<text.utf8CodeUnitCount).allSatisfy { bytes[place + $0] == text.utf8Start[$0] }
    }

    private mutating func step(_ count: Int = 1) {
        for _ in 0..<count where place < bytes.count {
            if bytes[place] == UInt8(ascii: "\n") { line += 1 }
            place += 1
        }
    }

    private mutating func add(_ kind: Token.Kind, _ start: Int, _ line: Int) {
        tokens.append(Token(kind: kind, text: String(decoding: bytes[start..<place], as: UTF8.self), line: line))
    }

    /// - Parameter untilParenthesis: ends after the parenthesis that closes an interpolation.
    private mutating func code(untilParenthesis: Bool) {
        var depth = 0
        while place < bytes.count {
            let (start, startLine) = (place, line)
            if isAt("//") {
                while place < bytes.count, byte() != UInt8(ascii: "\n") { place += 1 }
            } else if isAt("/*") {
                blockComment()
            } else if byte() == UInt8(ascii: "#") || byte() == UInt8(ascii: "\""), let hashes = hashesBeforeQuote {
                string(hashes: hashes)
            } else if regexBegins {
                regex()
            } else if byte() == UInt8(ascii: "`") {
                step()
                let name = place
                while place < bytes.count, byte() != UInt8(ascii: "`") { step() }
                add(.identifier, name, startLine)
                step()
            } else if Self.beginsName(byte()) {
                while Self.continuesName(byte()) { place += 1 }
                add(.identifier, start, startLine)
            } else if Self.isDigit(byte()) {
                while Self.continuesName(byte()) { place += 1 }
                add(.number, start, startLine)
            } else if byte() <= UInt8(ascii: " ") {
                step()
            } else {
                if byte() == UInt8(ascii: "(") { depth += 1 }
                if byte() == UInt8(ascii: ")") { depth -= 1 }
                step()
                if untilParenthesis, depth < 0 { return }
                add(.symbol, start, startLine)
            }
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func beginsName(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "$") || byte >= 0x80
    }

    private static func continuesName(_ byte: UInt8) -> Bool { beginsName(byte) || isDigit(byte) }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if isAt("/*") {
                depth += 1
                step(2)
            } else if isAt("*/") {
                depth -= 1
                step(2)
            } else {
                step()
            }
        } while depth > 0 && place < bytes.count
    }

    /// The number of `#` before the quote that begins here; nil where no string begins.
    private var hashesBeforeQuote: Int? {
        var count = 0
        while byte(count) == UInt8(ascii: "#") { count += 1 }
        return byte(count) == UInt8(ascii: "\"") ? count : nil
    }

    private func hashes(_ count: Int, at offset: Int) -> Bool { (0..<count).allSatisfy { byte(offset + $0) == UInt8(ascii: "#") } }

    private mutating func string(hashes count: Int) {
        let startLine = line
        place += count
        let quotes = isAt("\"\"\"") ? 3 : 1
        place += quotes
        var text: [UInt8] = []
        var inner: [Token] = []
        while place < bytes.count {
            if byte() == UInt8(ascii: "\\"), hashes(count, at: 1) {
                if byte(1 + count) == UInt8(ascii: "(") {
                    step(2 + count)
                    let before = tokens.count
                    code(untilParenthesis: true)
                    inner += tokens[before...]
                    tokens.removeSubrange(before...)
                } else {
                    text.append(byte(1 + count))
                    step(2 + count)
                }
            } else if isAt("\""), quotes == 1 || isAt("\"\"\""), hashes(count, at: quotes) {
                place += quotes + count
                break
            } else {
                text.append(byte())
                step()
            }
        }
        tokens.append(Token(kind: .string, text: String(decoding: text, as: UTF8.self), line: startLine))
        tokens += inner
    }

    /// A `/` after a token that cannot end an operand begins a regex, unless a blank follows it.
    private var regexBegins: Bool {
        if isAt("#/") { return true }
        guard byte() == UInt8(ascii: "/"), byte(1) != UInt8(ascii: " "), byte(1) != UInt8(ascii: "=") else { return false }
        guard let last = tokens.last else { return true }
        switch last.kind {
        case .identifier: return ["return", "in", "case", "try", "await", "where", "if", "guard"].contains(last.text)
        case .symbol: return "([{,:=&|!?;".contains(last.text)
        case .number, .string: return false
        }
    }

    private mutating func regex() {
        let isExtended = byte() == UInt8(ascii: "#")
        step(isExtended ? 2 : 1)
        while place < bytes.count {
            if byte() == UInt8(ascii: "\\") {
                step(2)
            } else if isExtended ? isAt("/#") : byte() == UInt8(ascii: "/") {
                step(isExtended ? 2 : 1)
                return
            } else if !isExtended, byte() == UInt8(ascii: "\n") {
                return
            } else {
                step()
            }
        }
    }
}

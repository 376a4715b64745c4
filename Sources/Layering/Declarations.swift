// SPDX-License-Identifier: GPL-2.0

/// A declaration in a Swift file.
struct Declaration: Equatable, Sendable {
    enum Kind: String, Sendable { case type, function, value }

    var name: String
    var kind: Kind
    var line: Int
    /// The type around it, outermost first and joined by dots; nil at the top level.
    var owner: String?
    /// It is in an extension of its owner.
    var isInExtension = false
    /// `private` or `fileprivate`: only its own file can name it.
    var isPrivate = false
}

/// A Swift file: its tokens, imports and declarations.
struct SwiftFile: Sendable {
    /// Relative to the repository.
    var path: String
    var tokens: [Token]
    var imports: [(module: String, line: Int)] = []
    var declarations: [Declaration] = []
    /// The types that the file declares or extends.
    var owners: Set<String> = []
    /// The indices in `tokens` of the names that are declared here.
    private(set) var namePlaces: Set<Int> = []

    init(path: String, text: String) {
        self.path = path
        tokens = Lexer.tokens(of: text)
        read()
    }

    /// Without the file's name.
    var folder: String { parent(of: path) }

    private enum Scope {
        case type(String, isExtension: Bool)
        /// A function, a closure, an accessor: a declaration in it is local.
        case body
    }

    private static let typeWords: Set<String> = ["struct", "enum", "class", "actor", "protocol", "typealias", "associatedtype", "macro"]
    private static let valueWords: Set<String> = ["var", "let"]

    private mutating func read() {
        var scopes: [Scope] = []
        var pending: Scope?
        var parentheses = 0
        var index = 0
        while index < tokens.count {
            let token = tokens[index]
            switch token.kind {
            case .symbol:
                switch token.text {
                case "(", "[": parentheses += 1
                case ")", "]": parentheses -= 1
                case "{":
                    scopes.append(parentheses == 0 ? pending ?? .body : .body)
                    // A closure within parentheses has parentheses of its own, all closed before it ends.
                    if parentheses == 0 { pending = nil }
                case "}": _ = scopes.popLast()
                default: break
                }
            case .identifier where !isMember(index) && isDeclaring(scopes):
                pending = declare(at: index, scopes: scopes, parentheses: parentheses) ?? pending
            default: break
            }
            index += 1
        }
    }

    /// After a dot or `import`: `.extension`, `x.case`, `import struct X.Y`.
    private func isMember(_ index: Int) -> Bool { index > 0 && (tokens[index - 1].isSymbol(".") || tokens[index - 1].isWord("import")) }

    private func isDeclaring(_ scopes: [Scope]) -> Bool {
        if case .body? = scopes.last { return false }
        return true
    }

    private func word(_ index: Int) -> String? {
        index < tokens.count && tokens[index].kind == .identifier ? tokens[index].text : nil
    }

    /// Reads a declaration whose keyword is at `index`; returns the scope that its brace will open.
    private mutating func declare(at index: Int, scopes: [Scope], parentheses: Int) -> Scope? {
        let keyword = tokens[index].text
        guard parentheses == 0 else { return nil }
        let owner = Self.owner(scopes)
        if keyword == "import", scopes.isEmpty, let module = importedModule(index) {
            imports.append((module, tokens[index].line))
            return nil
        }
        if keyword == "extension", let name = dottedName(index + 1) {
            owners.insert(name)
            return .type(name, isExtension: true)
        }
        if keyword == "case", owner != nil {
            for place in caseNames(index + 1) { add(place, .value, index, scopes) }
            return nil
        }
        if Self.typeWords.contains(keyword), let name = word(index + 1), !["func", "var", "let", "subscript"].contains(name) {
            add(index + 1, .type, index, scopes)
            let full = owner.map { $0 + "." + name } ?? name
            owners.insert(full)
            return ["typealias", "associatedtype", "macro"].contains(keyword) ? nil : .type(full, isExtension: false)
        }
        if keyword == "func", word(index + 1) != nil {
            add(index + 1, .function, index, scopes)
            return .body
        }
        if Self.valueWords.contains(keyword), word(index + 1) != nil {
            add(index + 1, .value, index, scopes)
            return .body
        }
        return ["init", "deinit", "subscript", "func"].contains(keyword) ? .body : nil
    }

    private static func owner(_ scopes: [Scope]) -> String? {
        if case .type(let name, _)? = scopes.last { return name }
        return nil
    }

    private mutating func add(_ place: Int, _ kind: Declaration.Kind, _ keyword: Int, _ scopes: [Scope]) {
        var isInExtension = false
        if case .type(_, true)? = scopes.last { isInExtension = true }
        namePlaces.insert(place)
        declarations.append(
            Declaration(
                name: tokens[place].text, kind: kind, line: tokens[place].line, owner: Self.owner(scopes), isInExtension: isInExtension,
                isPrivate: isPrivate(before: keyword)))
    }

    private static let modifiers: Set<String> = [
        "public", "private", "fileprivate", "internal", "package", "open", "final", "indirect", "static", "class", "mutating", "nonmutating",
        "override", "nonisolated", "unsafe", "weak", "lazy", "required", "convenience", "consuming", "borrowing",
    ]

    private func isPrivate(before keyword: Int) -> Bool {
        var index = keyword - 1
        while index >= 0 {
            if tokens[index].isSymbol(")"), index >= 3, tokens[index - 2].isSymbol("(") {
                // With `private(set)` other files can use the name.
                index -= 4
            } else if let word = word(index), Self.modifiers.contains(word) {
                if word == "private" || word == "fileprivate" { return true }
                index -= 1
            } else {
                return false
            }
        }
        return false
    }

    /// `import X`, `public import X`, `import struct X.Y`: X.
    private func importedModule(_ index: Int) -> String? {
        guard let first = word(index + 1) else { return nil }
        let kinds: Set<String> = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var", "actor"]
        return kinds.contains(first) ? word(index + 2) : first
    }

    private func dottedName(_ start: Int) -> String? {
        guard var name = word(start) else { return nil }
        var index = start + 1
        while index + 1 < tokens.count, tokens[index].isSymbol("."), let next = word(index + 1) {
            name += "." + next
            index += 2
        }
        return name
    }

    /// The places of the names of `case a, b(Int), c = 1`.
    private func caseNames(_ start: Int) -> [Int] {
        var places: [Int] = []
        var index = start
        while word(index) != nil {
            places.append(index)
            index += 1
            if index < tokens.count, tokens[index].isSymbol("(") {
                var depth = 0
                repeat {
                    if tokens[index].isSymbol("(") { depth += 1 }
                    if tokens[index].isSymbol(")") { depth -= 1 }
                    index += 1
                } while depth > 0 && index < tokens.count
            }
            if index < tokens.count, tokens[index].isSymbol("=") { index += 2 }
            guard index < tokens.count, tokens[index].isSymbol(",") else { break }
            index += 1
        }
        return places
    }
}

/// The folder of a path, "" for none.
func parent(of path: String) -> String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "" }

// SPDX-License-Identifier: GPL-2.0

/// The targets in Package.swift.
struct Manifest: Sendable {
    struct Target: Sendable {
        var name: String
        /// Its folder, relative to the repository.
        var path: String
        var isTest: Bool
        /// Other targets of the package.
        var targets: Set<String>
        /// Modules of other packages, and system libraries as `libmnl`.
        var externals: Set<String>
    }

    var targets: [Target] = []

    /// Reads the manifest's text: `.target(name:path:dependencies:)` and similar calls, with literals as arguments.
    init(text: String) {
        let tokens = Lexer.tokens(of: text)
        for index in tokens.indices.dropLast() where index > 0 && tokens[index - 1].isSymbol(".") && tokens[index + 1].isSymbol("(") {
            switch tokens[index].text {
            case "target", "executableTarget": targets += Self.target(tokens, index + 1, isTest: false)
            case "testTarget": targets += Self.target(tokens, index + 1, isTest: true)
            default: break
            }
        }
    }

    subscript(name: String) -> Target? { targets.first { $0.name == name } }

    /// The target that a file belongs to.
    func target(of path: String) -> Target? { targets.first { path.hasPrefix($0.path + "/") } }

    private static func target(_ tokens: [Token], _ start: Int, isTest: Bool) -> [Target] {
        var name: String?
        var path: String?
        var targets: Set<String> = []
        var externals: Set<String> = []
        // The words before the open parentheses and brackets around a token: `dependencies`, `product`.
        var around: [String] = []
        for index in start..<tokens.count {
            let token = tokens[index]
            if token.isSymbol("(") || token.isSymbol("[") {
                around.append(opener(tokens, index))
            } else if token.isSymbol(")") || token.isSymbol("]") {
                around.removeLast()
                if around.isEmpty { break }
            } else if token.kind == .string {
                switch (around.last ?? "", label(tokens, index)) {
                case (_, "name") where around.count == 1: name = token.text
                case (_, "path") where around.count == 1: path = token.text
                case ("dependencies", _): targets.insert(token.text)
                case ("product", "name"): externals.insert(token.text)
                case ("linkedLibrary", _): externals.insert("lib" + token.text)
                default: break
                }
            }
        }
        guard let name else { return [] }
        return [
            Target(
                name: name, path: path ?? (isTest ? "Tests/" : "Sources/") + name, isTest: isTest, targets: targets, externals: externals)
        ]
    }

    /// The label before a token: `name: "x"`.
    private static func label(_ tokens: [Token], _ index: Int) -> String? {
        index >= 2 && tokens[index - 1].isSymbol(":") && tokens[index - 2].kind == .identifier ? tokens[index - 2].text : nil
    }

    private static func opener(_ tokens: [Token], _ index: Int) -> String {
        if let label = label(tokens, index) { return label }
        return index >= 1 && tokens[index - 1].kind == .identifier ? tokens[index - 1].text : ""
    }
}

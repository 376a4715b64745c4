// SPDX-License-Identifier: GPL-2.0

/// A place where one file of a target names a declaration of another.
struct Reference: Hashable, Sendable {
    var from: String
    var line: Int
    var name: String
    var to: String
}

/// Finds the references between the files of one target.
///
/// It compares names; it does not infer types. A name counts where it can mean only one declaration:
/// - a type, function or value at the top level, which one file of the target declares;
/// - a nested type, after its owner and a dot, or in a file that declares or extends its owner;
/// - a member in an extension that is in another folder than its type, where the whole package declares the name once. A name of one word, such as
///   `count`, may be the standard library's and does not count.
struct ReferenceFinder {
    private var topLevel: [String: [(file: String, declaration: Declaration)]] = [:]
    private var nested: [String: [(file: String, declaration: Declaration)]] = [:]
    private var members: [String: [(file: String, declaration: Declaration)]] = [:]
    private let declarationCounts: [String: Int]

    /// - Parameters:
    ///   - files: of the target.
    ///   - declarationCounts: how often the package declares each name.
    init(files: [SwiftFile], declarationCounts: [String: Int]) {
        self.declarationCounts = declarationCounts
        for file in files {
            for declaration in file.declarations {
                if declaration.owner == nil {
                    topLevel[declaration.name, default: []].append((file.path, declaration))
                } else if declaration.kind == .type {
                    nested[declaration.name, default: []].append((file.path, declaration))
                } else {
                    members[declaration.name, default: []].append((file.path, declaration))
                }
            }
        }
    }

    /// The places where `file` names declarations of other files.
    func references(of file: SwiftFile) -> [Reference] {
        var found: Set<Reference> = []
        for (index, token) in file.tokens.enumerated() where token.kind == .identifier && !file.namePlaces.contains(index) {
            guard let target = declaringFile(of: token.text, at: index, in: file), target != file.path else { continue }
            found.insert(Reference(from: file.path, line: token.line, name: token.text, to: target))
        }
        return found.sorted { ($0.line, $0.name) < ($1.line, $1.name) }
    }

    private func declaringFile(of name: String, at index: Int, in file: SwiftFile) -> String? {
        let (before, after) = (index > 0 ? file.tokens[index - 1] : nil, index + 1 < file.tokens.count ? file.tokens[index + 1] : nil)
        let isMember = before?.isSymbol(".") == true
        // The label of an argument, or of a parameter.
        if after?.isSymbol(":") == true, before?.isSymbol("(") == true || before?.isSymbol(",") == true { return nil }
        let isCall = after?.isSymbol("(") == true
        if let declared = topLevel[name] {
            return isMember ? nil : topLevelFile(name, declared, isCall: isCall, file)
        }
        if let types = nested[name] {
            return nestedFile(types, before: isMember && index > 1 ? file.tokens[index - 2].text : nil, file)
        }
        guard isMember || isCall, let member = members[name]?.first, declarationCounts[name] == 1, name.contains(where: \.isUppercase),
            member.declaration.isInExtension, let owner = member.declaration.owner, let ownerFile = declaringFile(ofType: owner),
            parent(of: ownerFile) != parent(of: member.file)
        else { return nil }
        return member.file
    }

    /// A nested type is named after its owner and a dot, or in the body or an extension of its owner.
    private func nestedFile(_ types: [(file: String, declaration: Declaration)], before: String?, _ file: SwiftFile) -> String? {
        let meant = types.filter { _, declaration in
            guard !declaration.isPrivate, let owner = declaration.owner else { return false }
            if let before { return owner.split(separator: ".").last.map(String.init) == before }
            return file.owners.contains { $0 == owner || $0.hasPrefix(owner + ".") }
        }
        return Set(meant.map(\.file)).count == 1 ? meant[0].file : nil
    }

    private func topLevelFile(
        _ name: String, _ declared: [(file: String, declaration: Declaration)], isCall: Bool, _ file: SwiftFile
    ) -> String? {
        if declared.contains(where: { $0.file == file.path }) { return nil }
        let visible = declared.filter { !$0.declaration.isPrivate }
        guard let one = visible.first, Set(visible.map(\.file)).count == 1 else { return nil }
        // A nested type, case or member of the same name has precedence where this file declares or extends its owner.
        let inner = (nested[name] ?? []) + (members[name] ?? [])
        if one.declaration.kind == .type {
            return inner.contains { $0.declaration.owner.map(file.owners.contains) ?? false } ? nil : one.file
        }
        guard one.declaration.kind == .value || isCall else { return nil }
        return inner.isEmpty && declarationCounts[name] == visible.count ? one.file : nil
    }

    /// The file that declares a type.
    private func declaringFile(ofType owner: String) -> String? {
        let name = owner.split(separator: ".").last.map(String.init) ?? owner
        let declared = owner.contains(".") ? nested[name] : topLevel[name]
        return declared?.count == 1 ? declared?.first?.file : nil
    }
}

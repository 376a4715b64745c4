// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import Layering

/// Which names are references to another file's declaration.
@Suite struct ReferenceTests {
    /// The names by which `a/User.swift` with this text refers to the files of the folder b.
    private func names(_ user: String, b: String...) -> [String] {
        let files = [SwiftFile(path: "a/User.swift", text: user)] + b.enumerated().map { SwiftFile(path: "b/\($0).swift", text: $1) }
        var counts: [String: Int] = [:]
        for declaration in files.flatMap(\.declarations) { counts[declaration.name, default: 0] += 1 }
        return ReferenceFinder(files: files, declarationCounts: counts).references(of: files[0]).map(\.name)
    }

    @Test(arguments: [
        "struct Thing {}", "public enum Thing {}", "final class Thing {}", "actor Thing {}", "protocol Thing {}", "typealias Thing = Int",
        "@MainActor public final class Thing<T>: Base where T: Sendable {}",
    ])
    func typeAtTheTopLevel(_ text: String) {
        #expect(names("let x: Thing", b: text) == ["Thing"])
        #expect(names("extension Thing { func f() {} }", b: text) == ["Thing"])
        #expect(names("struct Mine { func f(_ a: [Thing?]) {} }", b: text) == ["Thing"])
    }

    @Test func functionAndValueAtTheTopLevel() {
        #expect(names("func g() { build(1) }", b: "func build(_ a: Int) {}") == ["build"])
        #expect(names("func g() { x.build(1) }", b: "func build(_ a: Int) {}") == [])
        #expect(names("func g(build: Int) { f(build: 1) }", b: "func build(_ a: Int) {}") == [])
        #expect(names("let y = standard + 1", b: "let standard = 1") == ["standard"])
    }

    @Test func commentsAndStringsAreNoCode() {
        let thing = "struct Thing {}"
        #expect(names("// Thing\n/* Thing /* Thing */ Thing */", b: thing) == [])
        #expect(names("let x = \"Thing\" + #\"Thing \"Thing\" \\(Thing)\"#", b: thing) == [])
        #expect(names("let x = \"\"\"\n    Thing \"quoted\" Thing\n    \"\"\"", b: thing) == [])
        #expect(names("let x = s.firstMatch(of: /Thing \"Thing/)\nlet y = 1 / 2", b: thing) == [])
        #expect(names("let x = \"a \\(f(Thing.self, \"b\")) c\"", b: thing) == ["Thing"])
        #expect(names("let x = #\"a \\#(Thing.self) c\"#", b: thing) == ["Thing"])
        #expect(names("let x = a / b; let y = Thing.self // Thing", b: thing) == ["Thing"])
    }

    @Test func aDeclarationOfTheSameFileHasPrecedence() {
        #expect(names("struct Thing {}\nlet x: Thing", b: "private struct Thing {}") == [])
        #expect(names("let x: Thing", b: "private struct Thing {}") == [])
        #expect(names("struct Outer { enum Kind { case a }; var kind: Kind }", b: "enum Kind {}") == [])
        #expect(
            names("extension Outer { var kind: Kind { .a } }\nstruct Outer {}", b: "enum Kind {}", "extension Outer { enum Kind { case a } }") == [])
        #expect(names("let x: Kind", b: "enum Kind {}", "struct Outer { enum Kind {} }") == ["Kind"])
    }

    @Test func aNameThatTwoFilesDeclareIsNoReference() {
        #expect(names("let x: Thing", b: "struct Thing {}", "struct Thing {}") == [])
        #expect(names("let x: Inner", b: "struct A { struct Inner {} }", "struct B { struct Inner {} }") == [])
    }

    @Test func nestedType() {
        let inner = "extension Outer { struct Inner {} }"
        #expect(names("extension Outer { var x: Inner { Inner() } }", b: inner) == ["Inner"])
        #expect(names("extension Outer.Other { var x: Inner { Inner() } }", b: inner) == ["Inner"])
        #expect(names("let x: Outer.Inner", b: inner) == ["Inner"])
        #expect(names("let x: Other.Inner", b: inner) == [])
        #expect(names("let x: Range<Int>", b: "struct Outer { struct Range {} }") == [])
        #expect(names("extension Outer { var x: Inner { Inner() } }", b: "extension Outer { private struct Inner {} }") == [])
        #expect(names("let x: Outer.Inner", b: "struct Outer { struct Inner {} }") == ["Inner", "Outer"])
    }

    @Test func memberOfAnExtensionElsewhere() {
        let outer = "struct Outer { func go() {} }"
        #expect(names(outer + "\nfunc f(_ o: Outer) { o.lendBuffers(1) }", b: "extension Outer { func lendBuffers(_ n: Int) {} }") == ["lendBuffers"])
        #expect(names(outer + "\nfunc f(_ o: Outer) { o.count }", b: "extension Outer { var count: Int { 1 } }") == [])
        #expect(names(outer + "\nfunc f(lendBuffers: Int) {}", b: "extension Outer { func lendBuffers(_ n: Int) {} }") == [])
        let twice = "extension Outer { func lendBuffers(_ n: Int) {} }\nstruct Other { func lendBuffers() {} }"
        #expect(names(outer + "\nfunc f(_ o: Outer) { o.lendBuffers(1) }", b: twice) == [])
    }

    @Test func declarations() {
        let file = SwiftFile(
            path: "a.swift",
            text: """
                public import Base
                import struct Other.Thing
                struct A<T> where T: B {
                    private(set) var seen: Int { didSet { let local = 1 } }
                    fileprivate static let hidden = { struct Local {} }()
                    enum E: String { case first, second(Int, label: String), third = "x" }
                    func f() { func inner() {}; switch x { case .first: let y = 1 } }
                    class func g() {}
                }
                extension A.E { init?(_ a: Int) { return nil } ; var more: Int { 1 } }
                """)
        #expect(file.imports.map(\.module) == ["Base", "Other"])
        #expect(file.imports.map(\.line) == [1, 2])
        #expect(file.declarations.map(\.name) == ["A", "seen", "hidden", "E", "first", "second", "third", "f", "g", "more"])
        #expect(file.declarations.map(\.owner) == [nil, "A", "A", "A", "A.E", "A.E", "A.E", "A", "A", "A.E"])
        #expect(file.declarations.filter(\.isPrivate).map(\.name) == ["hidden"])
        #expect(file.declarations.filter(\.isInExtension).map(\.name) == ["more"])
        #expect(file.owners == ["A", "A.E"])
    }
}

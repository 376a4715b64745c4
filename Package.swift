// swift-tools-version: 6.2
// SPDX-License-Identifier: GPL-2.0

import PackageDescription

/// Settings every Swift target shares: Swift 6 mode with the upcoming features that make imports and existentials explicit.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "ppiov",
    products: [
        .executable(name: "ppiov", targets: ["ppiov"]),
        .executable(name: "ppiov-agent", targets: ["Agent"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", "3.0.0"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
    ],
    targets: [
        .target(
            name: "CShim",
            path: "CShim",
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("mnl"), .linkedLibrary("uring")]),
        .target(
            name: "CCompression",
            path: "CCompression",
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("zstd"), .linkedLibrary("z")]),
        .target(name: "LifeCycle", swiftSettings: strict),
        .target(name: "Results", swiftSettings: strict),
        .target(name: "Checks", dependencies: ["LifeCycle", "Results"], swiftSettings: strict),
        .target(
            name: "KernelABI",
            dependencies: ["CShim", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: strict),
        .target(
            name: "Scenarios",
            dependencies: ["KernelABI", "LifeCycle", "Results", .product(name: "SystemPackage", package: "swift-system")],
            resources: [
                .embedInCode("Families/Contract/Tables/linux-7.2.txt"), .embedInCode("Families/Contract/Tables/linux-7.3.txt"),
                .embedInCode("Catalogue/Tables/renamed-0.2.txt"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "Agent",
            dependencies: [
                "Scenarios", "Checks", "Results", "KernelABI", .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict,
            // Placed where it was linked: one relocation for a hundred to make each time it is started, which a guest under TCG feels.
            linkerSettings: [.unsafeFlags(["-Xclang-linker", "-no-pie"])]),
        .target(
            name: "Harness",
            dependencies: [
                "CCompression", "Results", "Checks", "LifeCycle", "Scenarios",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "ppiov",
            dependencies: [
                "Harness", "Checks", "LifeCycle", "Results", "Scenarios",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "ppiov-bench",
            dependencies: [
                "Harness", "LifeCycle", "Results",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Bench",
            exclude: ["Promela"],
            swiftSettings: strict),
        .executableTarget(name: "Layering", swiftSettings: strict),
        .executableTarget(name: "KernelLogForms", swiftSettings: strict),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .target(name: "TraceForms", dependencies: ["LifeCycle", "TestSupport"], path: "Tests/TraceForms", swiftSettings: strict),
        .target(
            name: "ForeignReaders", dependencies: ["Checks", "Harness", "LifeCycle", "Results", "TestSupport", "TraceForms"],
            path: "Tests/ForeignReaders", swiftSettings: strict),
        .testTarget(name: "LayeringTests", dependencies: ["Layering", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "KernelLogFormsTests", dependencies: ["KernelLogForms"], swiftSettings: strict),
        .testTarget(name: "LifeCycleTests", dependencies: ["LifeCycle", "TestSupport", "TraceForms"], swiftSettings: strict),
        .testTarget(name: "ResultsTests", dependencies: ["Results", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "ChecksTests", dependencies: ["Checks", "LifeCycle", "Results", "TestSupport"],
            resources: [.copy("Logs")], swiftSettings: strict),
        .testTarget(
            name: "KernelABITests",
            dependencies: ["KernelABI", "CShim", "LifeCycle", "TestSupport", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: strict),
        .testTarget(
            name: "ScenariosTests", dependencies: ["KernelABI", "Scenarios", "Results", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "HarnessTests",
            dependencies: [
                "Harness", "Checks", "ForeignReaders", "LifeCycle", "Results", "Scenarios", "TestSupport", "TraceForms",
                .product(name: "SystemPackage", package: "swift-system"),
            ], swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "TestSupport", "TraceForms",
                .product(name: "Subprocess", package: "swift-subprocess"), .product(name: "SystemPackage", package: "swift-system"),
            ], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)

// The readers of foreign bytes under libFuzzer: no part of an ordinary build. CONTRIBUTING.md has the command.
if Context.environment["PPIOV_FUZZ"] != nil {
    package.targets += [
        .executableTarget(name: "reader-mutants", dependencies: ["ForeignReaders"], path: "Tests/Fuzzing/Mutants", swiftSettings: strict),
        .executableTarget(
            name: "reader-fuzzer", dependencies: ["ForeignReaders"], path: "Tests/Fuzzing/Fuzzer",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
    ]
}

// SPDX-License-Identifier: GPL-2.0

public import Results

/// Everything that a kernel selftest is judged by.
public struct KernelSelftestEvidence: Sendable {
    /// A line that the program wrote.
    public struct Line: Sendable, Equatable {
        public var text: String
        /// Guest CLOCK_MONOTONIC, nanoseconds.
        public var time: UInt64

        public init(_ text: String, time: UInt64) {
            self.text = text
            self.time = time
        }
    }

    public var plan: KernelSelftestPlan
    public var lines: [Line]
    /// What is observed around the program, as for a scenario of the plan's name.
    public var whole: Evidence

    public init(plan: KernelSelftestPlan, lines: [Line], whole: Evidence) {
        self.plan = plan
        self.lines = lines
        self.whole = whole
    }
}

// SPDX-License-Identifier: GPL-2.0

import Foundation
public import Results

/// `metadata.json`: what was run, on what, and how to run it again.
public struct RunMetadata: Codable, Sendable {
    public var schemaVersion = 1
    public var tool: String
    public var kernel: KernelBuild
    public var guest: GuestInfo?
    public var image: String
    public var accelerator: Accelerator
    /// Why the accelerator is not KVM.
    public var acceleratorReason: String?
    public var qemuVersion: String
    public var qemuCommandLine: [String]
    public var isolation: String
    public var timeoutScale: TimeoutScale
    /// Payloads are a function of a seed that each scenario fixes; the guest's own randomness is the snapshot's.
    public var seed: String
    /// The command that runs the same again.
    public var reproduce: String
    /// Options that decide what the guest is: how the kernel is configured, the machine's shape. nil in files of older versions.
    public var options: [String]?
    /// A key of these options with the content of --config files.
    public var configuration: String?
    public var started: String
    public var seconds: Double
    /// Seconds from the start of QEMU to the agent's `started` event, for the first scenario on each machine, by its name.
    public var starts: [String: Double]?
}

extension RunMetadata {
    /// - Parameters:
    ///   - guest: its trace formats are left out, as each trace's folder has them.
    ///   - begin: when the run began, by the monotonic clock and by the calendar.
    init(
        _ machine: PreparedMachine, _ settings: RunSettings, guest: GuestInfo?, isolation: Isolation, seed: String, configuration: String?,
        begin: (clock: ContinuousClock.Instant, date: Date), starts: [String: Double]?
    ) {
        var guest = guest
        guest?.traceFormats = [:]
        self.init(
            tool: ToolVersion.current, kernel: machine.kernel, guest: guest, image: machine.image.key, accelerator: machine.acceleration.accelerator,
            acceleratorReason: machine.acceleration.reason, qemuVersion: machine.qemuVersion,
            qemuCommandLine: [settings.machine.qemu] + machine.plan.line.arguments(sockets: "SOCKETS"), isolation: isolation.rawValue,
            timeoutScale: machine.timeoutScale, seed: seed, reproduce: settings.reproduce,
            options: settings.kernel.configuration + settings.machine.shape, configuration: configuration,
            started: begin.date.formatted(.iso8601), seconds: (.now - begin.clock).seconds, starts: starts)
    }
}

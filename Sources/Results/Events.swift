// SPDX-License-Identifier: GPL-2.0

/// What stands behind a result: a green on one tier is never shown as green on another.
public enum Tier: String, Codable, Sendable, CaseIterable {
    /// zcrx registered with `ZCRX_REG_NODEV`: no page pool, no provider operation is ever called.
    case nodev
    /// A real page pool and a real provider over netdevsim; the DMA is simulated.
    case netdevsim
    /// A real network interface.
    case hardware
    /// No kernel involved: the harness testing itself.
    case harness
}

/// The memory provider a scenario drives.
public enum Provider: String, Codable, Sendable, CaseIterable {
    /// Ordinary pages: no memory provider.
    case pages
    /// Devmem TCP (`dmabuf_devmem_ops`, net/core/devmem.c).
    case devmem
    /// io_uring zero-copy receive (`io_uring_pp_zc_ops`, io_uring/zcrx.c).
    case zcrx
}

/// One line on the events channel, agent to harness: a JSON object. See docs/results.md.
///
/// `kind` says which of the optional payloads is present.
public struct AgentEvent: Codable, Sendable, Equatable {
    /// Version of this schema.
    public static let schemaVersion = 1

    public enum Kind: String, Codable, Sendable {
        /// The agent is up; `guest` is set.
        case ready
        /// A scenario starts; nothing but its `finished` proves that it ended. `knownBug` may be set.
        case started
        /// A step of the scenario was done; `step` is set.
        case step
        /// The scenario ended; `report` is set.
        case finished
        /// The agent met something it could not handle; `message` is set.
        case error
        /// A program of the kernel's own selftests wrote a line; `message` is the line.
        case output
    }

    public var version: Int
    public var kind: Kind
    /// Guest CLOCK_MONOTONIC, nanoseconds.
    public var time: UInt64
    public var scenario: String?
    public var guest: GuestInfo?
    public var step: StepRecord?
    public var report: ScenarioReport?
    public var message: String?
    /// What the kernel that runs is known to do wrong in the scenario; in `started`, because of a crash no report tells.
    public var knownBug: KnownBug?

    public init(
        kind: Kind, time: UInt64, scenario: String? = nil, guest: GuestInfo? = nil, step: StepRecord? = nil,
        report: ScenarioReport? = nil, message: String? = nil, knownBug: KnownBug? = nil
    ) {
        self.version = Self.schemaVersion
        self.kind = kind
        self.time = time
        self.scenario = scenario
        self.guest = guest
        self.step = step
        self.report = report
        self.message = message
        self.knownBug = knownBug
    }
}

/// What the agent found when it came up.
public struct GuestInfo: Codable, Sendable, Equatable {
    /// `uname -r` and `uname -v`.
    public var kernelRelease: String
    public var kernelVersion: String
    public var cpus: Int
    /// netdevsim is there and its queues accept memory providers.
    public var netdevsim: Bool
    /// Why netdevsim cannot be used, where it cannot.
    public var netdevsimReason: String?
    /// `IO_URING_QUERY_ZCRX` registration flags; nil where the kernel has no zcrx.
    public var zcrxRegisterFlags: UInt64?
    /// The netdev family answers bind-rx.
    public var devmem: Bool
    /// The tracefs `format` files of the events recorded and `events/header_page`, by name ("page_pool_state_hold", "header_page").
    public var traceFormats: [String: String]

    public init(
        kernelRelease: String, kernelVersion: String, cpus: Int, netdevsim: Bool, netdevsimReason: String? = nil,
        zcrxRegisterFlags: UInt64?, devmem: Bool, traceFormats: [String: String]
    ) {
        self.kernelRelease = kernelRelease
        self.kernelVersion = kernelVersion
        self.cpus = cpus
        self.netdevsim = netdevsim
        self.netdevsimReason = netdevsimReason
        self.zcrxRegisterFlags = zcrxRegisterFlags
        self.devmem = devmem
        self.traceFormats = traceFormats
    }
}

/// One step of a scenario as it happened.
public struct StepRecord: Codable, Sendable, Equatable {
    public var name: String
    public var ok: Bool
    public var detail: String?

    public init(name: String, ok: Bool, detail: String? = nil) {
        self.name = name
        self.ok = ok
        self.detail = detail
    }
}

/// A page pool as the netdev family's dump shows it (`page_pool_nl_fill`, net/core/page_pool_user.c).
public struct PoolRecord: Codable, Sendable, Equatable {
    public var id: UInt64
    /// Absent once the device is gone and the pool hangs on the loopback device.
    public var ifindex: UInt32?
    public var provider: Provider
    /// net_iovs or pages out of the pool.
    public var inflight: UInt64
    /// Detached: destroy was asked for.
    public var detached: Bool

    public init(id: UInt64, ifindex: UInt32?, provider: Provider, inflight: UInt64, detached: Bool) {
        self.id = id
        self.ifindex = ifindex
        self.provider = provider
        self.inflight = inflight
        self.detached = detached
    }
}

extension PoolRecord: CustomStringConvertible {
    public var description: String { "pool \(id) (\(provider.rawValue), \(inflight) in flight\(detached ? ", detached" : ""))" }
}

/// The life of one pool during a scenario, as netlink showed it.
public struct PoolObservation: Codable, Sendable, Equatable {
    public var pool: PoolRecord
    /// Highest `inflight` seen.
    public var peakInflight: UInt64
    /// The pool was seen detached before it went.
    public var seenDetached: Bool
    /// The pool was gone at the end.
    public var gone: Bool
    /// From the scenario's last act to the pool's end, nanoseconds; nil where it was not waited for or never went.
    public var drainTime: UInt64?

    public init(pool: PoolRecord, peakInflight: UInt64, seenDetached: Bool, gone: Bool, drainTime: UInt64?) {
        self.pool = pool
        self.peakInflight = peakInflight
        self.seenDetached = seenDetached
        self.gone = gone
        self.drainTime = drainTime
    }
}

/// Resource counters that must come back, by name: "pinned-pages", "locked-bytes", "dma-bufs", "dma-mappings", "fds", "page-pools", "netdevs".
public typealias Counters = [String: Int64]

/// What the receiving side saw of the payload.
public struct PayloadRecord: Codable, Sendable, Equatable {
    public var sent: UInt64
    public var received: UInt64
    /// Received in net_iovs without a copy.
    public var zeroCopy: UInt64
    /// Received through the copy fallback or the linear part.
    public var copied: UInt64
    /// Offset of the first byte that was not the one sent.
    public var firstMismatch: UInt64?
    /// The scenario means to read everything that was sent.
    public var complete: Bool

    public init(sent: UInt64, received: UInt64, zeroCopy: UInt64, copied: UInt64, firstMismatch: UInt64?, complete: Bool) {
        self.sent = sent
        self.received = received
        self.zeroCopy = zeroCopy
        self.copied = copied
        self.firstMismatch = firstMismatch
        self.complete = complete
    }
}

/// What a scenario claims about itself; the checks hold the evidence against it.
public struct Expectation: Codable, Sendable, Equatable {
    public var provider: Provider
    /// At least this many net_iovs (pages, for provider `pages`) must have been held and released; 0 where none is expected.
    public var minimumHolds: Int
    /// Nothing may have been copied.
    public var zeroCopy: Bool
    /// A pool must have been seen detached with buffers out.
    public var detachedPool: Bool
    /// A payload record must be there and be right.
    public var payload: Bool
    /// The pools of net_iovs that any legal run shows on netdevsim; nil where the scenario does not say.
    public var pools: ExpectedPools?

    public init(
        provider: Provider, minimumHolds: Int, zeroCopy: Bool = false, detachedPool: Bool = false, payload: Bool = false,
        pools: ExpectedPools? = nil
    ) {
        self.provider = provider
        self.minimumHolds = minimumHolds
        self.zeroCopy = zeroCopy
        self.detachedPool = detachedPool
        self.payload = payload
        self.pools = pools
    }
}

/// From what the model predicts a scenario's holds and releases (`LifeCycle.Prediction`).
public struct ExpectedPools: Codable, Sendable, Equatable {
    /// Pools of net_iovs in turn: one for each time that a provider is bound, and one for each restart of its queue.
    public var count: Int
    /// Where not every one of them need have held a net_iov: how many must have. A queue that is restarted again before its buffers
    /// are home can find its provider empty.
    public var fewest: Int?
    /// net_iovs of the area or dma-buf.
    public var buffers: UInt64
    /// Packets arrive.
    public var traffic: Bool
    /// net_iovs that the driver posts, and that a pool's ring takes.
    public var posted: UInt64

    public init(count: Int = 1, fewest: Int? = nil, buffers: UInt64 = 512, traffic: Bool, posted: UInt64 = 256) {
        self.count = count
        self.fewest = fewest
        self.buffers = buffers
        self.traffic = traffic
        self.posted = posted
    }
}

/// Everything the agent observed of one scenario. It is evidence, not a verdict: `Checks` judges it.
public struct ScenarioReport: Codable, Sendable, Equatable {
    public enum Outcome: String, Codable, Sendable {
        /// Every step did what it should.
        case completed
        /// A step failed; `reason` says which and how.
        case failed
        /// The kernel or machine lacks what the scenario needs; `reason` says what.
        case skipped
    }

    public var scenario: String
    public var tier: Tier
    public var outcome: Outcome
    public var reason: String?
    public var expectation: Expectation
    public var steps: [StepRecord]
    public var pools: [PoolObservation]
    /// Absent where it could not be read, which fails the scenario.
    public var before: Counters?
    public var after: Counters?
    public var payload: PayloadRecord?
    /// Bytes of trace shipped per CPU, and events the ring buffer lost ("overrun" + "dropped events" + "commit overrun").
    public var traceBytes: UInt64
    public var traceLost: UInt64
    /// Guest nanoseconds from `started` to `finished`.
    public var duration: UInt64

    /// The scenario did a part of its steps. One that is skipped at once has not.
    public var hasBegun: Bool { before != nil }

    public init(
        scenario: String, tier: Tier, outcome: Outcome, reason: String? = nil, expectation: Expectation, steps: [StepRecord] = [],
        pools: [PoolObservation] = [], before: Counters? = nil, after: Counters? = nil, payload: PayloadRecord? = nil,
        traceBytes: UInt64 = 0, traceLost: UInt64 = 0, duration: UInt64 = 0
    ) {
        self.scenario = scenario
        self.tier = tier
        self.outcome = outcome
        self.reason = reason
        self.expectation = expectation
        self.steps = steps
        self.pools = pools
        self.before = before
        self.after = after
        self.payload = payload
        self.traceBytes = traceBytes
        self.traceLost = traceLost
        self.duration = duration
    }
}

/// One line on the events channel, harness to agent.
public struct AgentCommand: Codable, Sendable, Equatable {
    public enum Verb: String, Codable, Sendable {
        /// Run `scenario`.
        case run
        /// Run one of the kernel's own selftests: `selftest`.
        case selftest
        /// Sync and power the machine off.
        case poweroff
    }

    public var verb: Verb
    public var scenario: String?
    public var selftest: SelftestPlan?
    /// The factor on deadlines inside the guest.
    public var timeoutScale: TimeoutScale

    public init(verb: Verb, scenario: String? = nil, selftest: SelftestPlan? = nil, timeoutScale: TimeoutScale = .one) {
        self.verb = verb
        self.scenario = scenario
        self.selftest = selftest
        self.timeoutScale = timeoutScale
    }
}

/// One program of the kernel's tools/testing/selftests, and what it is run on.
public struct SelftestPlan: Codable, Sendable, Equatable {
    /// What the program finds (tools/testing/selftests/drivers/net/README.rst).
    public enum Setting: String, Codable, Sendable, CaseIterable {
        /// Nothing: it makes netdevsim devices for itself, or refuses to.
        case bare
        /// NETIF and its companions name an interface with a remote end, as for real hardware. Here it is netdevsim.
        case interface
    }

    /// Below tools/testing/selftests: "drivers/net/hw/devmem.py".
    public var program: String
    public var arguments: [String]
    public var setting: Setting
    /// Seconds without a line that it may take before it counts as hung, before scaling.
    public var patience: Double
    /// The provider that its net_iovs are of; `pages` where it is to have none.
    public var provider: Provider
    /// Cases that hold no net_iov though the program has a provider: those that only transmit, as the net_iovs of a transmit binding are
    /// of no page pool, and those that bind nothing.
    public var holdless: [String]
    /// It changes the kernel's code where another CPU may be running it: a kprobe in the path of packets, such as fail_function's.
    public var changesCode: Bool

    public init(
        program: String, arguments: [String] = [], setting: Setting, patience: Double = 120, provider: Provider = .pages, holdless: [String] = [],
        changesCode: Bool = false
    ) {
        self.holdless = holdless
        self.changesCode = changesCode
        self.program = program
        self.arguments = arguments
        self.setting = setting
        self.patience = patience
        self.provider = provider
    }

    /// The step of the report whose detail is the program's exit status.
    public static let exitStep = "exit"

    /// Its name among the results: without the ending, whose dot would divide it.
    public var name: String {
        let stem = program.split(separator: ".").first.map(String.init) ?? program
        return setting == .bare ? stem + ":bare" : stem
    }
}

/// The marks the agent writes to /dev/kmsg around each scenario, so that a kernel message has an owner.
public enum KernelLogMark {
    public static func begin(_ scenario: String) -> String { "ppiov: begin \(scenario)" }
    public static func end(_ scenario: String) -> String { "ppiov: end \(scenario)" }
    /// After a selftest's result line: what the kernel said before it is that case's. The kernel takes no more than 1024 bytes
    /// at a time (`devkmsg_write()`), and a reason can be longer.
    public static func result(_ line: String) -> String { "ppiov: result \(line.prefix(100))" }
}

/// A record on the trace channel: this header (little endian: magic `PPTR`, u32 CPU, u32 length), then `length` bytes of
/// raw ring-buffer pages as read from `per_cpu/cpuN/trace_pipe_raw`. A record with length 0 and CPU `UInt32.max` ends a scenario.
public enum TraceRecordHeader {
    public static let magic: UInt32 = 0x5254_5050
    public static let byteCount = 12
    public static let endOfScenario = UInt32.max
}

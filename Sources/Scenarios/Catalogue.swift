// SPDX-License-Identifier: GPL-2.0

internal import Results

/// Scenarios that ask the same question.
public struct ScenarioFamily: Sendable {
    /// One word, for `ppiov list`.
    public var name: String
    /// What they ask.
    public var summary: String
    public var scenarios: [Scenario]
    /// Functions of the kernel whose behaviour they are about.
    public var reaches: [String]

    init(_ name: String, _ summary: String, _ scenarios: [Scenario], reaches: [String] = []) {
        self.name = name
        self.summary = summary
        self.scenarios = scenarios
        self.reaches = reaches
    }
}

/// Every scenario there is, in the order they run.
public enum Catalogue {
    public static let families: [ScenarioFamily] = [
        ScenarioFamily(
            "life-cycle", "bind, receive, return, end: the plain life of a buffer",
            PageScenarios.all + ZeroCopyScenarios.all + [
                ToldScenarios.zcrx, ToldScenarios.zcrxInDumps, ToldScenarios.removed, SecondQueueScenarios.zcrx,
            ]
                + DevmemScenarios.all + [ToldScenarios.devmem, ToldScenarios.devmemInDumps, SecondQueueScenarios.devmem] + NoDeviceScenarios.all,
            reaches: [
                "page_pool_init()", "page_pool_alloc_netmems()", "page_pool_put_unrefed_netmem()", "page_pool_return_netmem()",
                "page_pool_release()", "io_pp_zc_alloc_netmems()", "io_zcrx_ring_refill()", "io_zcrx_scrub_area()",
                "mp_dmabuf_devmem_alloc_netmems()", "tcp_recvmsg_dmabuf()", "sock_devmem_dontneed()",
                "netdev_nl_page_pool_event()", "page_pool_nl_fill()", "netdev_nl_queue_fill_one()",
            ]),
        ScenarioFamily(
            "teardown", "every order of two endings, with the buffers in each place", MoveScenarios.teardown,
            reaches: [
                "page_pool_destroy()", "page_pool_scrub()", "dev_memory_provider_uninstall()", "netif_mp_close_rxq()",
                "netdev_rx_queue_reconfig()", "io_pp_uninstall()", "io_close_queue()", "io_terminate_zcrx()", "io_zcrx_scrub_area()",
                "mp_dmabuf_devmem_uninstall()", "net_devmem_unbind_dmabuf()", "tcp_release_user_frags()", "default_device_exit_net()",
            ]),
        ScenarioFamily(
            "refusal", "what must be refused, and that the refusal leaves nothing behind", RefusalScenarios.all + DriverFailureScenarios.refusals,
            reaches: ["netif_mp_open_rxq()", "netdev_nl_bind_rx_doit()", "io_register_zcrx()"]),
        ScenarioFamily(
            "contract", "every refusal, its errno and words, in the order of the checks", ContractScenarios.all,
            reaches: [
                "netdev_nl_bind_rx_doit()", "netdev_nl_bind_tx_doit()", "net_devmem_bind_dmabuf()", "io_register_zcrx()", "io_zcrx_ctrl()",
                "netif_mp_open_rxq()",
            ]),
        ScenarioFamily(
            "transmit", "payload sent from a dma-buf arrives, and the dma-buf goes", TransmitScenarios.all,
            reaches: [
                "net_devmem_get_binding()", "zerocopy_fill_skb_from_devmem()",
                "validate_xmit_unreadable_skb()", "__net_devmem_dmabuf_binding_free()",
            ]),
        ScenarioFamily(
            "fault", "every allocation of a path failed in turn: profile debug", FaultScenarios.all,
            reaches: ["the error paths of io_register_zcrx(), net_devmem_bind_dmabuf(), zcrx_export(), import_zcrx(), tcp_recvmsg_dmabuf()"]),
        ScenarioFamily(
            "traffic", "payload of every shape through a provider's buffers", TrafficScenarios.all,
            reaches: [
                "io_zcrx_recv_skb()", "io_zcrx_recv_frag()", "io_zcrx_copy_chunk()",
                "tcp_recvmsg_dmabuf()", "skb_try_coalesce()", "napi_pp_put_page()",
            ]),
        ScenarioFamily(
            "restart", "queues restarted, reconfigured and taken down under their provider", RestartScenarios.all + DriverFailureScenarios.restarts,
            reaches: [
                "netdev_rx_queue_restart()", "netdev_rx_queue_reconfig()",
                "ethtool_check_max_channel()", "page_pool_disable_direct_recycling()",
            ]),
        ScenarioFamily(
            "rebind", "bound again at once after every kind of end", RebindScenarios.all,
            reaches: ["__netif_mp_open_rxq()", "__netif_mp_close_rxq()", "io_close_queue()", "net_devmem_unbind_dmabuf()"]),
        ScenarioFamily(
            "resources", "what is borrowed, over many rounds, under a limit, and by kmemleak", ResourceScenarios.all,
            reaches: ["io_account_mem()", "io_unaccount_mem()", "io_zcrx_ifq_free()", "io_zcrx_free_area()"]),
        ScenarioFamily(
            "hostile", "what user space may write into refill rings and tokens, and the kernel must survive",
            HostileRefillScenarios.all + HostileUserScenarios.all + HostileTokenScenarios.all,
            reaches: ["io_parse_rqe()", "io_zcrx_ring_refill()", "zcrx_flush_rq()", "sock_devmem_dontneed()", "tcp_release_user_frags()"]),
        ScenarioFamily(
            "beyond", "what zcrx does beyond receiving: dma-bufs, further areas, shared queues, events and counts", BeyondScenarios.all,
            reaches: ["io_import_dmabuf()", "zcrx_ctrl_add_area()", "zcrx_export()", "import_zcrx()", "zcrx_unregister_user()"]),
        ScenarioFamily("selftest", "the harness's test of itself", SelfTestScenarios.all),
    ]

    public static let all: [Scenario] = families.flatMap { $0.scenarios }

    /// The scenarios that a run takes.
    ///
    /// - Parameters:
    ///   - pattern: a shell glob over the whole id (`*`, `?`, `[...]`, as fnmatch(3)); nil for every id. Hidden scenarios only where
    ///     it names them without a wildcard before "selftest".
    ///   - thorough: those of `--all` too. One that is named in full is taken in any case.
    public static func select(_ pattern: String?, all thorough: Bool = false) -> [Scenario] {
        if let pattern, let drawn = MoveScenarios.soak(pattern) { return [drawn] }
        return all.filter { scenario in
            if scenario.id == pattern { return true }
            if scenario.hidden && pattern?.hasPrefix("selftest") != true { return false }
            return (thorough || !scenario.thorough) && pattern.map { Glob.matches($0, scenario.id) } != false
        }
    }

    /// The scenarios that any of several patterns takes, each once, in the catalogue's order; all of them where there is no pattern.
    ///
    /// - Throws: `NoScenario` for the first pattern that takes none: what is misspelt among others must not go unnoticed.
    public static func select(any patterns: [String], all thorough: Bool = false) throws(NoScenario) -> [Scenario] {
        guard !patterns.isEmpty else { return select(nil, all: thorough) }
        var taken: [String: Scenario] = [:]
        var drawn: [Scenario] = []
        for pattern in patterns {
            let found = select(pattern, all: thorough)
            guard !found.isEmpty else {
                throw NoScenario(pattern: pattern, thorough: thorough ? 0 : select(pattern, all: true).count)
            }
            for scenario in found where taken.updateValue(scenario, forKey: scenario.id) == nil && byName[scenario.id] == nil {
                drawn.append(scenario)
            }
        }
        return all.filter { taken[$0.id] != nil } + drawn
    }

    /// The scenario of that id; one of "soak." is made from its moves.
    public static func named(_ id: String) -> Scenario? { byName[id] ?? MoveScenarios.soak(id) }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0) })
}

/// A pattern that takes no scenario.
public struct NoScenario: Error, CustomStringConvertible {
    public let pattern: String
    /// How many it would take with `--all`.
    public let thorough: Int

    public var description: String {
        "no scenario matches \"\(pattern)\"" + (thorough == 0 ? "" : ", but with --all \(thorough) do\(thorough == 1 ? "es" : "")")
    }
}

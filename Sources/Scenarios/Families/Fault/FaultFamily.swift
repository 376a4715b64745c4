// SPDX-License-Identifier: GPL-2.0

/// Error paths, reached by fault injection.
enum FaultFamily {
    static let family = ScenarioFamily(
        "fault", "every allocation of a path fails in turn: profile debug",
        FaultScenarios.all,
        reaches: ["the error paths of io_register_zcrx(), net_devmem_bind_dmabuf(), zcrx_export(), import_zcrx(), tcp_recvmsg_dmabuf()"])
}

// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// The bindings of one netlink socket: several dma-bufs, or one to several queues (`struct netdev_nl_sock`).
final class DevmemBindings {
    private var netdev: Netdev?
    private var memories: [AreaMemory] = []

    /// Without a binding; all bindings are closed when the run is over.
    init(_ run: ScenarioRun) throws {
        netdev = try Netdev()
        run.cleanUp("bindings closed") { self.close() }
    }

    /// Binds one more dma-buf, to all of the queues.
    func bind(_ ifindex: UInt32, _ queues: [UInt32]) throws {
        guard var socket = netdev.take() else { throw ScenarioFailure("the netlink socket is closed") }
        let result = Result {
            let memory = AreaMemory(dmabuf: try UserDMABuf(size: 512 * MappedMemory.pageSize))
            memories.append(memory)
            _ = try socket.bindRX(ifindex: ifindex, dmabuf: memory.descriptor, queues: queues)
        }
        netdev = consume socket
        try result.get()
    }

    /// Closes the netlink socket, which unbinds all (`netdev_nl_sock_priv_destroy()`). A second call does nothing.
    func unbind() { netdev.take()?.close() }

    private func close() {
        unbind()
        for memory in memories { memory.close() }
        memories = []
    }

    deinit { close() }
}

// SPDX-License-Identifier: GPL-2.0

/// Describes steps and states in words, for one configuration.
struct Narrator {
    let configuration: Configuration

    private var zcrx: Bool { configuration.provider == .zcrx }
    private var isUnified: Bool { configuration.design == .unifiedRefCount }

    static func name(_ buffer: Int) -> String { ["A", "B", "C", "D"][buffer & 3] }

    func line(_ step: Step, from: ModelState, to: ModelState) -> Counterexample.Line {
        let (text, function) = words(step, from, to)
        return Counterexample.Line(
            kind: step.kind, actor: step.kind.actor(configuration.provider).rawValue, text: text, function: function,
            change: change(step, from, to))
    }

    private func words(_ step: Step, _ from: ModelState, _ to: ModelState) -> (String, String) {
        let buffer = Self.name(Int(step.buffer))
        let pool = "pool \(step.pool)"
        switch step.kind {
        case .allocate:
            let source = configuration.provider == .none ? "the page allocator" : "the provider"
            let function =
                zcrx
                ? "io_zcrx_refill_slow"
                : configuration.provider == .devmem
                    ? "mp_dmabuf_devmem_alloc_netmems" : "__page_pool_alloc_netmems_slow"
            return ("allocates \(buffer) for \(pool) from \(source): hold", function)
        case .takeFromCache: return ("allocates \(buffer) from the cache of \(pool)", "__page_pool_get_cached")
        case .takeFromRing: return ("allocates \(buffer) from the ring of \(pool)", "page_pool_refill_alloc_cache")
        case .refillReuse: return ("reuses \(buffer) from the refill ring for \(pool)", "io_zcrx_ring_refill")
        case .refillLast: return ("drops the last reference to \(buffer) by a refill-ring entry and returns it", "zcrx_put_refill_niov")
        case .refillUnreference: return ("drops a reference to \(buffer) by a refill-ring entry", "zcrx_put_refill_niov")
        case .refillIgnore:
            return ("skips a refill-ring entry for \(buffer): the user has no reference", "io_zcrx_put_niov_uref")
        case .copyFallback: return ("copies data into \(buffer) and delivers it to the user", "io_zcrx_copy_chunk")
        case .takeReference:
            return ("takes a reference to \(buffer)", isUnified ? "page_pool_ref_netmem" : "page_pool_iov_get_many")
        case .dropReference: return ("drops a reference to \(buffer)", "napi_pp_put_page")
        case .finishPut:
            return (
                "drops its reference to \(buffer)",
                isUnified ? "page_pool_unref_netmem" : "page_pool_return_page, mp_ops->release_page"
            )
        case .startDelivery:
            return zcrx
                ? ("starts to deliver \(buffer)", "io_zcrx_recv_frag")
                : ("reserves a token for \(buffer) and takes a reference", "tcp_recvmsg_dmabuf")
        case .eraseReservation:
            return ("returns the reserved token of \(buffer) before its commit: the reference stays without a holder", "sock_devmem_dontneed")
        case .deliver:
            let function = zcrx ? "io_zcrx_get_niov_uref" : configuration.strict ? "tcp_xa_pool_commit_locked" : "tcp_recvmsg_dmabuf"
            return ("delivers \(buffer) to the user", function)
        case .post: return ("puts \(buffer) into the refill ring", "user space")
        case .flush: return ("flushes the refill ring: an entry for \(buffer)", "zcrx_flush_rq")
        case .returnToken:
            let function = from.has(.socket) ? "sock_devmem_dontneed" : "tcp_release_user_frags"
            return ("returns a token of \(buffer)", configuration.design == .beforeRework ? "page_pool_iov_put_many" : function)
        case .recycleInCache: return ("recycles \(buffer) into the cache of \(pool)", "page_pool_recycle_in_cache")
        case .recycleInRing: return ("recycles \(buffer) into the ring of \(pool)", "page_pool_recycle_in_ring")
        case .unlockRing: return ("unlocks the producer lock of \(pool)'s ring", "ptr_ring_produce")
        case .returnToProvider:
            return ("returns \(buffer) to the provider: the ring of \(pool) is full", "page_pool_return_netmem")
        case .countRelease: return ("counts a release of \(pool)", "page_pool_return_netmem")
        case .scrubUser: return ("scrubs \(buffer): drops the user's references", "io_zcrx_scrub_area")
        case .emptyPool: return ("returns \(buffer) to the provider: \(pool) is being destroyed", "page_pool_scrub")
        case .freePool: return ("frees \(pool)", "page_pool_release")
        case .restart: return ("restarts the queue: \(pool) is made, the previous pool is destroyed", "netdev_rx_queue_restart")
        case .close:
            switch configuration.provider {
            case .none: return ("sets the interface down: \(pool) is destroyed", "page_pool_destroy")
            case .devmem: return ("unbinds the dma-buf: \(pool) is destroyed", "net_devmem_unbind_dmabuf")
            case .zcrx:
                return step.pool == 0
                    ? ("closes the ring", "io_terminate_zcrx")
                    : ("closes the ring and its queue: \(pool) is destroyed", "io_terminate_zcrx, io_close_queue")
            }
        case .dropHandle: return ("drops the user's reference on the provider", zcrx ? "zcrx_unregister" : "percpu_ref_kill")
        case .closeSocket:
            return zcrx
                ? ("the ring's last request ends", "io_ring_exit_work")
                : ("closes the data socket", "tcp_release_user_frags")
        case .removeDevice:
            return ("removes the device, uninstalls the provider: \(pool) is destroyed", "dev_memory_provider_uninstall")
        case .freeProvider: return ("frees the provider", zcrx ? "io_zcrx_ifq_free" : "__net_devmem_dmabuf_binding_free")
        }
    }

    private func change(_ step: Step, _ from: ModelState, _ to: ModelState) -> String {
        var parts: [String] = []
        for index in 0..<configuration.buffers where from.buffer(index) != to.buffer(index) {
            parts.append("\(Self.name(index)): \(describe(to.buffer(index)))")
        }
        for index in 1...configuration.pools where from.pool(index) != to.pool(index) {
            parts.append("pool \(index): \(describe(to.pool(index)))")
        }
        return parts.joined(separator: "; ")
    }

    func describe(_ buffer: Buffer) -> String {
        var parts: [String] = []
        if buffer.free > 0 { parts.append(buffer.free == 1 ? "on the free list" : "\(buffer.free) times on the free list") }
        if buffer.owner != 0 { parts.append("of pool \(buffer.owner)") }
        switch buffer.place {
        case .out: break
        case .cache: parts.append("in the pool's cache")
        case .ring: parts.append("in the pool's ring")
        case .transit: parts.append("being returned to the pool")
        }
        if buffer.isReferenced || (buffer.free == 0 && buffer.place == .out) {
            var holders: [String] = []
            if buffer.stack > 0 { holders.append("stack \(buffer.stack)") }
            if buffer.delivering { holders.append("delivery 1") }
            if buffer.user > 0 { holders.append("user \(buffer.user)") }
            if buffer.dropping > 0 { holders.append("puts in progress \(buffer.dropping)") }
            parts.append("count \(buffer.count) (\(holders.isEmpty ? "no holder" : holders.joined(separator: ", ")))")
        }
        if buffer.posted > 0 { parts.append("\(buffer.posted) in the refill ring") }
        return parts.isEmpty ? "on no list, without a reference" : parts.joined(separator: ", ")
    }

    private func describe(_ pool: Pool) -> String {
        var parts: [String] = []
        switch pool.state {
        case .absent: return "not made yet"
        case .live: break
        case .destroying: parts.append("being destroyed")
        case .freed: parts.append("freed")
        }
        parts.append("\(pool.inflight) in flight by its counters")
        if pool.pending > 0 { parts.append("\(pool.pending) not counted yet") }
        return parts.joined(separator: ", ")
    }

    // MARK: - Findings

    /// How the state breaks the invariant.
    func finding(_ invariant: Invariant, _ state: ModelState) -> String {
        let buffers = (0..<configuration.buffers).map { ($0, state.buffer($0)) }
        switch invariant {
        case .inflightIsExact:
            for index in 1...configuration.pools {
                let pool = state.pool(index)
                guard pool.state != .absent else { continue }
                let out = buffers.count { $0.1.owner == index && $0.1.free == 0 } + pool.pending
                if pool.inflight != out {
                    return "pool \(index) counts \(pool.inflight) in flight, and \(out) \(out == 1 ? "buffer is" : "buffers are") outstanding"
                }
            }
        case .holdThenRelease: return "a buffer that a pool holds was allocated a second time"
        case .poolOutlivesBuffers:
            for (index, buffer) in buffers where buffer.owner != 0 && state.pool(buffer.owner).state == .freed {
                return "pool \(buffer.owner) is freed, and \(Self.name(index)) still points to it (\(describe(buffer)))"
            }
            return "a freed pool is used"
        case .providerOutlivesPools:
            let pools = (1...configuration.pools).filter { state.pool($0).exists }
            if let pool = pools.first { return "the provider is freed, and pool \(pool) still exists" }
            let unreleased = buffers.filter { $0.1.free == 0 }.map { "\(Self.name($0.0)) (\(describe($0.1)))" }
            return "the provider is freed, and not every buffer is released: \(unreleased.joined(separator: ", "))"
        case .referencedIsNotFree:
            for (index, buffer) in buffers {
                let isFree = buffer.place != .out || buffer.free > 0
                if buffer.free > 1 || (isFree && buffer.isReferenced) || (buffer.free > 0 && buffer.place != .out) {
                    return "\(Self.name(index)) is \(describe(buffer))"
                }
            }
        case .unmappedAfterUninstall:
            if state.has(.providerFreed) { return "the provider is freed, and its area is still mapped" }
            return state.has(.device)
                ? "the provider is uninstalled, and its area is still mapped" : "the device is removed, and the area is still mapped for it"
        case .allReleased:
            for (index, buffer) in buffers where buffer.free == 0 && buffer.place == .out && !buffer.isReferenced {
                return "\(Self.name(index)) has no holder, and is on no free list and in no pool: \(describe(buffer))"
            }
            var left = buffers.filter { $0.1 != .onFreeList && !($0.1.free == 1 && $0.1.owner == 0) }
                .map { "\(Self.name($0.0)) (\(describe($0.1)))" }
            left += (1...configuration.pools).filter { state.pool($0).exists }.map { "pool \($0) (\(describe(state.pool($0))))" }
            if left.isEmpty && !state.has(.providerFreed) { left = ["the provider"] }
            return "no step is left, and not everything is released: \(left.joined(separator: ", "))"
        }
        return invariant.statement
    }
}

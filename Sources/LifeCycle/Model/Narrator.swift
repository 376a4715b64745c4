// SPDX-License-Identifier: GPL-2.0

/// Puts steps and states into words, for one configuration.
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
            let source = configuration.provider == .none ? "the page allocator" : "its provider"
            let function =
                zcrx
                ? "io_zcrx_refill_slow"
                : configuration.provider == .devmem
                    ? "mp_dmabuf_devmem_alloc_netmems" : "__page_pool_alloc_netmems_slow"
            return ("\(pool) takes \(buffer) from \(source): hold", function)
        case .takeFromCache: return ("\(pool) gives \(buffer) out of its cache", "__page_pool_get_cached")
        case .takeFromRing: return ("\(pool) gives \(buffer) out of its ring", "page_pool_refill_alloc_cache")
        case .refillReuse: return ("\(pool) finds \(buffer) in the refill ring and uses it again", "io_zcrx_ring_refill")
        case .refillLast: return ("\(buffer) in the refill ring goes back where it came from", "zcrx_put_refill_niov")
        case .refillUnreference: return ("an entry of the refill ring takes a reference off \(buffer)", "zcrx_put_refill_niov")
        case .refillIgnore:
            return ("ignores a refill-ring entry for \(buffer), which the user does not have", "io_zcrx_put_niov_uref")
        case .copyFallback: return ("copies data into \(buffer) and gives that to the user", "io_zcrx_copy_chunk")
        case .takeReference:
            return ("one more reference to \(buffer)", isUnified ? "page_pool_ref_netmem" : "page_pool_iov_get_many")
        case .dropReference: return ("drops a reference to \(buffer)", "napi_pp_put_page")
        case .finishPut:
            return (
                "drops the reference to \(buffer) that it came with",
                isUnified ? "page_pool_unref_netmem" : "page_pool_return_page, mp_ops->release_page"
            )
        case .startDelivery:
            return zcrx
                ? ("is about to give \(buffer) to the user", "io_zcrx_recv_frag")
                : ("reserves a token for \(buffer) and takes a reference", "tcp_recvmsg_dmabuf")
        case .eraseReservation:
            return ("returns the token reserved for \(buffer) before it has it: the reference is nobody's", "sock_devmem_dontneed")
        case .deliver:
            let function = zcrx ? "io_zcrx_get_niov_uref" : configuration.strict ? "tcp_xa_pool_commit_locked" : "tcp_recvmsg_dmabuf"
            return ("gives \(buffer) to the user", function)
        case .post: return ("puts \(buffer) into the refill ring", "user space")
        case .flush: return ("has the refill ring flushed: an entry for \(buffer)", "zcrx_flush_rq")
        case .returnToken:
            let function = from.has(.socket) ? "sock_devmem_dontneed" : "tcp_release_user_frags"
            return ("gives a token of \(buffer) back", configuration.design == .beforeRework ? "page_pool_iov_put_many" : function)
        case .recycleInCache: return ("recycles \(buffer) into the cache of \(pool)", "page_pool_recycle_in_cache")
        case .recycleInRing: return ("recycles \(buffer) into the ring of \(pool)", "page_pool_recycle_in_ring")
        case .leaveRing: return ("leaves the producer lock of \(pool)'s ring", "ptr_ring_produce")
        case .returnToProvider:
            return ("\(pool)'s ring is full: \(buffer) goes back to its provider", "page_pool_return_netmem")
        case .countRelease: return ("counts a release of \(pool)", "page_pool_return_netmem")
        case .scrubUser: return ("takes back what the user has of \(buffer)", "io_zcrx_scrub_area")
        case .emptyPool: return ("\(pool) is going: \(buffer) goes back to its provider", "page_pool_scrub")
        case .freePool: return ("frees \(pool): nothing in flight", "page_pool_release")
        case .restart: return ("restarts the queue: \(pool) is made, the one before is destroyed", "netdev_rx_queue_restart")
        case .close:
            switch configuration.provider {
            case .none: return ("takes the interface down: \(pool) is destroyed", "page_pool_destroy")
            case .devmem: return ("unbinds: \(pool) is destroyed", "net_devmem_unbind_dmabuf")
            case .zcrx:
                return step.pool == 0
                    ? ("the ring goes", "io_terminate_zcrx")
                    : ("the ring goes and closes its queue: \(pool) is destroyed", "io_terminate_zcrx, io_close_queue")
            }
        case .dropHandle: return ("drops the user's reference on the provider", zcrx ? "zcrx_unregister" : "percpu_ref_kill")
        case .closeSocket:
            return zcrx
                ? ("the ring's last request is gone", "io_ring_exit_work")
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
        if buffer.free > 0 { parts.append(buffer.free == 1 ? "home" : "\(buffer.free) times on the free list") }
        if buffer.owner != 0 { parts.append("of pool \(buffer.owner)") }
        switch buffer.place {
        case .out: break
        case .cache: parts.append("in its cache")
        case .ring: parts.append("in its ring")
        case .transit: parts.append("on the way into it")
        }
        if buffer.isReferenced || (buffer.free == 0 && buffer.place == .out) {
            var holders: [String] = []
            if buffer.stack > 0 { holders.append("stack \(buffer.stack)") }
            if buffer.delivering { holders.append("delivery 1") }
            if buffer.user > 0 { holders.append("user \(buffer.user)") }
            if buffer.dropping > 0 { holders.append("being put \(buffer.dropping)") }
            parts.append("count \(buffer.count) (\(holders.isEmpty ? "nobody" : holders.joined(separator: ", ")))")
        }
        if buffer.posted > 0 { parts.append("\(buffer.posted) in the refill ring") }
        return parts.isEmpty ? "nowhere" : parts.joined(separator: ", ")
    }

    private func describe(_ pool: Pool) -> String {
        var parts: [String] = []
        switch pool.state {
        case .absent: return "not there"
        case .live: break
        case .destroying: parts.append("being destroyed")
        case .freed: parts.append("freed")
        }
        parts.append("\(pool.inflight) in flight by its counters")
        if pool.pending > 0 { parts.append("\(pool.pending) to be counted") }
        return parts.joined(separator: ", ")
    }

    // MARK: - What is wrong

    func finding(_ invariant: Invariant, _ state: ModelState) -> String {
        let buffers = (0..<configuration.buffers).map { ($0, state.buffer($0)) }
        switch invariant {
        case .inflightIsOut:
            for index in 1...configuration.pools {
                let pool = state.pool(index)
                guard pool.state != .absent else { continue }
                let out = buffers.count { $0.1.owner == index && $0.1.free == 0 } + pool.pending
                if pool.inflight != out {
                    return "pool \(index) counts \(pool.inflight) in flight, and \(out) \(out == 1 ? "is" : "are") out"
                }
            }
        case .holdThenRelease: return "a buffer that one pool holds was handed out again"
        case .poolOutlivesBuffers:
            for (index, buffer) in buffers where buffer.owner != 0 && state.pool(buffer.owner).state == .freed {
                return "pool \(buffer.owner) is freed, and \(Self.name(index)) still names it (\(describe(buffer)))"
            }
            return "a freed pool is used"
        case .providerOutlivesPools:
            let pools = (1...configuration.pools).filter { state.pool($0).isThere }
            if let pool = pools.first { return "the provider is freed, and pool \(pool) is still there" }
            let away = buffers.filter { $0.1.free == 0 }.map { "\(Self.name($0.0)) (\(describe($0.1)))" }
            return "the provider is freed, and not home: \(away.joined(separator: ", "))"
        case .referencedIsNotFree:
            for (index, buffer) in buffers {
                let kept = buffer.place != .out || buffer.free > 0
                if buffer.free > 1 || (kept && buffer.isReferenced) || (buffer.free > 0 && buffer.place != .out) {
                    return "\(Self.name(index)) is \(describe(buffer))"
                }
            }
        case .unmappedAfterUninstall:
            if state.has(.providerFreed) { return "the provider is freed, and its area still mapped" }
            return state.has(.device)
                ? "the provider is uninstalled, and its area still mapped" : "the device is gone, and the area still mapped for it"
        case .everythingComesHome:
            for (index, buffer) in buffers where buffer.free == 0 && buffer.place == .out && !buffer.isReferenced {
                return "nobody refers to \(Self.name(index)), and it is neither home nor in a pool: \(describe(buffer))"
            }
            var left = buffers.filter { $0.1 != .atHome && !($0.1.free == 1 && $0.1.owner == 0) }
                .map { "\(Self.name($0.0)) (\(describe($0.1)))" }
            left += (1...configuration.pools).filter { state.pool($0).isThere }.map { "pool \($0) (\(describe(state.pool($0))))" }
            if left.isEmpty && !state.has(.providerFreed) { left = ["the provider"] }
            return "nobody is left to do anything, and this is not home: \(left.joined(separator: ", "))"
        }
        return invariant.statement
    }
}

// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import SystemPackage

extension ZeroCopyReceive.Ring {
    /// Registers an interface queue, which makes the ring the memory provider of the device's queue.
    ///
    /// Mirrors `io_register_zcrx()`. The area's memory must stay mapped while payload is read from it.
    /// - Throws: an errno without a message, as the kernel has no extack here; ``ZeroCopyReceive/explain(_:registration:)`` finds the reason.
    public borrowing func register(
        _ registration: ZeroCopyReceive.Registration
    ) throws(KernelError) -> ZeroCopyReceive.InterfaceQueue {
        var reg = ppiov_zcrx_ifq_reg()
        reg.if_idx = registration.ifindex
        reg.if_rxq = registration.queue
        reg.rq_entries = registration.refillEntries
        reg.flags = registration.flags.rawValue
        reg.rx_buf_len = registration.bufferLength
        var area = registration.area.raw

        switch registration.refillMemory {
        case .user:
            let region = try MappedMemory(anonymous: registration.mappedSize)
            // The kernel must make an empty ring of it, whatever it contains.
            region.withUnsafeMutableBytes { bytes in bytes.indices.forEach { bytes[$0] = 0xa5 } }
            var description = ppiov_region_desc()
            description.size = registration.regionSize
            description.user_addr = region.address
            description.flags = UInt32(PPIOV_MEM_REGION_TYPE_USER)
            let result = register(&reg, &area, &description, registration)
            guard result >= 0 else {
                region.unmap()
                throw failure(result, registration.description)
            }
            return try queue(reg, area, region: region, registration)
        case .kernel:
            var description = ppiov_region_desc()
            description.size = registration.regionSize
            try check(register(&reg, &area, &description, registration), registration.description)
            var base: UnsafeMutableRawPointer?
            try check(
                ppiov_zcrx_map_region(raw, description.mmap_offset, Int(registration.regionSize), &base),
                "mapping the refill region of zcrx \(reg.zcrx_id)")
            guard let base else { throw KernelError("mapping a refill region", errno: .badAddress) }
            let region = MappedMemory(adopting: base, count: Int(registration.regionSize))
            return try queue(reg, area, region: region, registration)
        }
    }

    private borrowing func register(
        _ reg: inout ppiov_zcrx_ifq_reg, _ area: inout ppiov_zcrx_area_reg, _ region: inout ppiov_region_desc,
        _ registration: ZeroCopyReceive.Registration
    ) -> CInt {
        if let argument = registration.readOnlyArgument {
            return ppiov_zcrx_register_read_only_argument(raw, &reg, &area, &region, argument.raw)
        }
        guard let events = registration.events else {
            return ppiov_zcrx_register(raw, &reg, &area, &region, nil)
        }
        var event = ppiov_zcrx_event_desc()
        event.user_data = events.userData
        event.type_mask = events.mask
        if events.statistics {
            event.flags = UInt32(PPIOV_ZCRX_EVENT_DESC_STATS)
            event.stats_offset = registration.statisticsOffset
        }
        return ppiov_zcrx_register(raw, &reg, &area, &region, &event)
    }

    private borrowing func queue(
        _ reg: ppiov_zcrx_ifq_reg, _ area: ppiov_zcrx_area_reg, region: consuming MappedMemory,
        _ registration: ZeroCopyReceive.Registration
    ) throws(KernelError) -> ZeroCopyReceive.InterfaceQueue {
        let hasStatistics = registration.events?.statistics == true
        return try ZeroCopyReceive.InterfaceQueue(
            reg, token: area.rq_area_token, region: region, empty: true,
            statisticsOffset: hasStatistics ? registration.statisticsOffset : nil)
    }

    /// Makes the kernel read the refill ring's entries now. Mirrors `zcrx_flush_rq()` (`ZCRX_CTRL_FLUSH_RQ`).
    ///
    /// - Throws: `ENXIO` where the ring has no such queue.
    public borrowing func flush(queue: UInt32) throws(KernelError) {
        try check(ppiov_zcrx_flush(raw, queue), "flush of zcrx \(queue)")
    }

    /// Exports a queue as a descriptor that another ring can import, and that holds a reference to the queue.
    /// Mirrors `zcrx_export()` (`ZCRX_CTRL_EXPORT`).
    public borrowing func export(queue: UInt32) throws(KernelError) -> OwnedDescriptor {
        OwnedDescriptor(taking: try check(ppiov_zcrx_export(raw, queue), "export of zcrx \(queue)"))
    }

    /// Imports a queue that another ring exported. Mirrors `import_zcrx()`.
    ///
    /// - Parameter excess: a field of a registration that an import may not set; the kernel refuses it.
    /// - Throws: `EBADF` where the descriptor is not an exported queue.
    public borrowing func importQueue(
        _ exported: CInt, with excess: ZeroCopyReceive.ImportExcess? = nil
    ) throws(KernelError) -> ZeroCopyReceive.ImportedQueue {
        var reg = ppiov_zcrx_ifq_reg()
        switch excess {
        case nil: break
        case .queue: reg.if_rxq = 1
        case .refillEntries: reg.rq_entries = 256
        case .area: reg.area_ptr = 4096
        case .region: reg.region_ptr = 4096
        case .event: reg.event_desc = 4096
        case .flag: reg.flags = ZeroCopyReceive.Registration.Flags.noDevice.rawValue
        }
        try check(ppiov_zcrx_import(raw, exported, &reg), "import of zcrx descriptor \(exported)")
        return ZeroCopyReceive.ImportedQueue(
            id: reg.zcrx_id, headOffset: reg.offsets.head, tailOffset: reg.offsets.tail,
            entriesOffset: reg.offsets.rqes)
    }

    /// Maps the refill ring of an imported queue, so that this ring's owner can return buffers too. One owner at a time: the ring has one tail.
    ///
    /// - Throws: `EINVAL` where the region is memory of the exporter.
    public borrowing func map(
        _ imported: ZeroCopyReceive.ImportedQueue, _ shape: ZeroCopyReceive.RefillShape
    ) throws(KernelError) -> ZeroCopyReceive.InterfaceQueue {
        var base: UnsafeMutableRawPointer?
        let operation = "mapping the refill region of imported zcrx \(imported.id)"
        try check(ppiov_zcrx_map_queue(raw, imported.id, shape.regionSize, &base), operation)
        guard let base else { throw KernelError(operation, errno: .badAddress) }
        var reg = ppiov_zcrx_ifq_reg()
        reg.zcrx_id = imported.id
        reg.rq_entries = shape.entries
        reg.rx_buf_len = UInt32(MappedMemory.pageSize)
        reg.offsets.head = imported.headOffset
        reg.offsets.tail = imported.tailOffset
        reg.offsets.rqes = imported.entriesOffset
        return try ZeroCopyReceive.InterfaceQueue(
            reg, token: 0, region: MappedMemory(adopting: base, count: shape.regionSize), empty: false,
            statisticsOffset: shape.statisticsOffset)
    }

    /// Arms an event again. Mirrors `zcrx_arm_notif()` (`ZCRX_CTRL_ARM_EVENT`).
    ///
    /// - Throws: `EINVAL` where it has not fired since it was armed.
    public borrowing func armEvent(_ event: ZeroCopyReceive.Event, queue: UInt32) throws(KernelError) {
        try check(ppiov_zcrx_arm_event(raw, queue, event.rawValue), "arming event \(event) of zcrx \(queue)")
    }

    /// Adds an area to a registered queue. Mirrors `zcrx_ctrl_add_area()` (`ZCRX_CTRL_ADD_AREA`).
    ///
    /// - Returns: the area's token, as completions carry it in their upper bits.
    public borrowing func addArea(
        _ area: ZeroCopyReceive.Registration.Area, queue: UInt32
    ) throws(KernelError) -> UInt64 {
        var raw = area.raw
        try check(ppiov_zcrx_add_area(self.raw, queue, &raw), "adding an area to zcrx \(queue)")
        return raw.rq_area_token
    }
}

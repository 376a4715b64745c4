// SPDX-License-Identifier: GPL-2.0

/// The contracts that are kept, newest kernel first. docs/contracts has the same text for reading; a test holds the two together.
enum ContractTables {
    static let kept: [(version: String, text: String)] = [("7.3", linux73), ("7.2", linux72)]

    private static let linux73 = """
        [bind-rx]
        nothing wrong: granted
        ifindex 0: ERANGE "integer out of range"
        no queue named: EINVAL
        page size no power of 2: EINVAL "rx-page-size must be a power of 2"
        no such device: ENODEV
        device without queue management: EOPNOTSUPP
        no such queue: EINVAL
        dma-buf -1: EBADF
        dma-buf is another file: EINVAL
        page size larger than the dma-buf: EINVAL "dmabuf sg entry (...) not aligned to niov size"
        tcp-data-split off: EINVAL "tcp-data-split is disabled"
        hds-thresh 1: EINVAL "hds-thresh is not zero"
        queue bound: EEXIST "designated queue already memory provider bound"
        no queue named + no such device: EINVAL
        page size no power of 2 + no such device: EINVAL "rx-page-size must be a power of 2"
        no queue named + device without queue management: EINVAL
        page size no power of 2 + device without queue management: EINVAL "rx-page-size must be a power of 2"
        ifindex 0 + dma-buf -1: ERANGE "integer out of range"
        no queue named + dma-buf -1: EINVAL
        page size no power of 2 + dma-buf -1: EINVAL "rx-page-size must be a power of 2"
        no such device + dma-buf -1: ENODEV
        device without queue management + dma-buf -1: EOPNOTSUPP
        no such queue + dma-buf -1: EINVAL
        ifindex 0 + page size larger than the dma-buf: ERANGE "integer out of range"
        no queue named + page size larger than the dma-buf: EINVAL
        no such device + page size larger than the dma-buf: ENODEV
        device without queue management + page size larger than the dma-buf: EOPNOTSUPP
        no such queue + page size larger than the dma-buf: EINVAL
        dma-buf -1 + page size larger than the dma-buf: EBADF
        dma-buf is another file + page size larger than the dma-buf: EINVAL
        ifindex 0 + tcp-data-split off: ERANGE "integer out of range"
        no queue named + tcp-data-split off: EINVAL
        page size no power of 2 + tcp-data-split off: EINVAL "rx-page-size must be a power of 2"
        no such device + tcp-data-split off: ENODEV
        device without queue management + tcp-data-split off: EOPNOTSUPP
        no such queue + tcp-data-split off: EINVAL
        dma-buf -1 + tcp-data-split off: EBADF
        dma-buf is another file + tcp-data-split off: EINVAL
        page size larger than the dma-buf + tcp-data-split off: EINVAL "dmabuf sg entry (...) not aligned to niov size"
        ifindex 0 + queue bound: ERANGE "integer out of range"
        no queue named + queue bound: EINVAL
        page size no power of 2 + queue bound: EINVAL "rx-page-size must be a power of 2"
        no such device + queue bound: ENODEV
        device without queue management + queue bound: EOPNOTSUPP
        no such queue + queue bound: EINVAL
        dma-buf -1 + queue bound: EBADF
        dma-buf is another file + queue bound: EINVAL
        page size larger than the dma-buf + queue bound: EINVAL "dmabuf sg entry (...) not aligned to niov size"

        [bind-tx]
        nothing wrong: granted
        ifindex 0: ERANGE "integer out of range"
        no such device: ENODEV
        device that sends no net_iovs: EOPNOTSUPP "Driver does not support netmem TX"
        dma-buf -1: EBADF
        dma-buf is another file: EINVAL
        ifindex 0 + dma-buf -1: ERANGE "integer out of range"
        no such device + dma-buf -1: ENODEV
        device that sends no net_iovs + dma-buf -1: EOPNOTSUPP "Driver does not support netmem TX"
        ifindex 0 + dma-buf is another file: ERANGE "integer out of range"
        no such device + dma-buf is another file: ENODEV
        device that sends no net_iovs + dma-buf is another file: EOPNOTSUPP "Driver does not support netmem TX"

        [register]
        nothing wrong: granted
        ring without DEFER_TASKRUN: EINVAL
        ring without CQE32: EINVAL
        flag that does not exist: EINVAL
        no refill entries: EINVAL
        queue -1: EINVAL
        NODEV with an ifindex: EINVAL
        area with a token: EINVAL
        event that does not exist: EINVAL
        region smaller than its ring: EINVAL
        region of no whole pages: EINVAL
        statistics not aligned: EINVAL
        statistics inside the ring: ERANGE
        no such device: ENODEV
        device that does no DMA: EOPNOTSUPP
        buffer length no power of 2: EINVAL
        area flag that does not exist: EINVAL
        area of no length: EFAULT
        area not aligned: EINVAL
        area at address 0: EFAULT
        area of dma-buf -1: EBADF
        no such queue: ERANGE
        tcp-data-split off: EINVAL
        hds-thresh 1: EINVAL
        queue bound: EEXIST
        ring without DEFER_TASKRUN + statistics inside the ring: EINVAL
        ring without CQE32 + statistics inside the ring: EINVAL
        flag that does not exist + statistics inside the ring: EINVAL
        no refill entries + statistics inside the ring: EINVAL
        queue -1 + statistics inside the ring: EINVAL
        NODEV with an ifindex + statistics inside the ring: EINVAL
        area with a token + statistics inside the ring: EINVAL
        event that does not exist + statistics inside the ring: EINVAL
        region smaller than its ring + statistics inside the ring: EINVAL
        region of no whole pages + statistics inside the ring: EINVAL
        ring without DEFER_TASKRUN + no such device: EINVAL
        ring without CQE32 + no such device: EINVAL
        flag that does not exist + no such device: EINVAL
        no refill entries + no such device: EINVAL
        queue -1 + no such device: EINVAL
        NODEV with an ifindex + no such device: EINVAL
        area with a token + no such device: EINVAL
        event that does not exist + no such device: EINVAL
        region smaller than its ring + no such device: EINVAL
        region of no whole pages + no such device: EINVAL
        statistics not aligned + no such device: EINVAL
        statistics inside the ring + no such device: ERANGE
        ring without DEFER_TASKRUN + device that does no DMA: EINVAL
        ring without CQE32 + device that does no DMA: EINVAL
        flag that does not exist + device that does no DMA: EINVAL
        no refill entries + device that does no DMA: EINVAL
        queue -1 + device that does no DMA: EINVAL
        NODEV with an ifindex + device that does no DMA: EINVAL
        area with a token + device that does no DMA: EINVAL
        event that does not exist + device that does no DMA: EINVAL
        region smaller than its ring + device that does no DMA: EINVAL
        region of no whole pages + device that does no DMA: EINVAL
        statistics not aligned + device that does no DMA: EINVAL
        statistics inside the ring + device that does no DMA: ERANGE
        ring without DEFER_TASKRUN + area at address 0: EINVAL
        ring without CQE32 + area at address 0: EINVAL
        flag that does not exist + area at address 0: EINVAL
        no refill entries + area at address 0: EINVAL
        queue -1 + area at address 0: EINVAL
        NODEV with an ifindex + area at address 0: EINVAL
        area with a token + area at address 0: EINVAL
        event that does not exist + area at address 0: EINVAL
        region smaller than its ring + area at address 0: EINVAL
        region of no whole pages + area at address 0: EINVAL
        statistics not aligned + area at address 0: EINVAL
        statistics inside the ring + area at address 0: ERANGE
        no such device + area at address 0: ENODEV
        device that does no DMA + area at address 0: EOPNOTSUPP
        buffer length no power of 2 + area at address 0: EINVAL
        area flag that does not exist + area at address 0: EINVAL
        ring without DEFER_TASKRUN + area of dma-buf -1: EINVAL
        ring without CQE32 + area of dma-buf -1: EINVAL
        flag that does not exist + area of dma-buf -1: EINVAL
        no refill entries + area of dma-buf -1: EINVAL
        queue -1 + area of dma-buf -1: EINVAL
        NODEV with an ifindex + area of dma-buf -1: EINVAL
        area with a token + area of dma-buf -1: EINVAL
        event that does not exist + area of dma-buf -1: EINVAL
        region smaller than its ring + area of dma-buf -1: EINVAL
        region of no whole pages + area of dma-buf -1: EINVAL
        statistics not aligned + area of dma-buf -1: EINVAL
        statistics inside the ring + area of dma-buf -1: ERANGE
        no such device + area of dma-buf -1: ENODEV
        device that does no DMA + area of dma-buf -1: EOPNOTSUPP
        buffer length no power of 2 + area of dma-buf -1: EINVAL
        area flag that does not exist + area of dma-buf -1: EINVAL
        ring without DEFER_TASKRUN + no such queue: EINVAL
        ring without CQE32 + no such queue: EINVAL
        flag that does not exist + no such queue: EINVAL
        no refill entries + no such queue: EINVAL
        NODEV with an ifindex + no such queue: EINVAL
        area with a token + no such queue: EINVAL
        event that does not exist + no such queue: EINVAL
        region smaller than its ring + no such queue: EINVAL
        region of no whole pages + no such queue: EINVAL
        statistics not aligned + no such queue: EINVAL
        statistics inside the ring + no such queue: ERANGE
        no such device + no such queue: ENODEV
        device that does no DMA + no such queue: EOPNOTSUPP
        buffer length no power of 2 + no such queue: EINVAL
        area flag that does not exist + no such queue: EINVAL
        area of no length + no such queue: EFAULT
        area not aligned + no such queue: EINVAL
        area at address 0 + no such queue: EFAULT
        area of dma-buf -1 + no such queue: EBADF
        ring without DEFER_TASKRUN + tcp-data-split off: EINVAL
        ring without CQE32 + tcp-data-split off: EINVAL
        flag that does not exist + tcp-data-split off: EINVAL
        no refill entries + tcp-data-split off: EINVAL
        queue -1 + tcp-data-split off: EINVAL
        NODEV with an ifindex + tcp-data-split off: EINVAL
        area with a token + tcp-data-split off: EINVAL
        event that does not exist + tcp-data-split off: EINVAL
        region smaller than its ring + tcp-data-split off: EINVAL
        region of no whole pages + tcp-data-split off: EINVAL
        statistics not aligned + tcp-data-split off: EINVAL
        statistics inside the ring + tcp-data-split off: ERANGE
        no such device + tcp-data-split off: ENODEV
        device that does no DMA + tcp-data-split off: EOPNOTSUPP
        buffer length no power of 2 + tcp-data-split off: EINVAL
        area flag that does not exist + tcp-data-split off: EINVAL
        area of no length + tcp-data-split off: EFAULT
        area not aligned + tcp-data-split off: EINVAL
        area at address 0 + tcp-data-split off: EFAULT
        area of dma-buf -1 + tcp-data-split off: EBADF
        no such queue + tcp-data-split off: ERANGE
        ring without DEFER_TASKRUN + queue bound: EINVAL
        ring without CQE32 + queue bound: EINVAL
        flag that does not exist + queue bound: EINVAL
        no refill entries + queue bound: EINVAL
        queue -1 + queue bound: EINVAL
        NODEV with an ifindex + queue bound: EINVAL
        area with a token + queue bound: EINVAL
        event that does not exist + queue bound: EINVAL
        region smaller than its ring + queue bound: EINVAL
        region of no whole pages + queue bound: EINVAL
        statistics not aligned + queue bound: EINVAL
        statistics inside the ring + queue bound: ERANGE
        no such device + queue bound: ENODEV
        device that does no DMA + queue bound: EOPNOTSUPP
        buffer length no power of 2 + queue bound: EINVAL
        area flag that does not exist + queue bound: EINVAL
        area of no length + queue bound: EFAULT
        area not aligned + queue bound: EINVAL
        area at address 0 + queue bound: EFAULT
        area of dma-buf -1 + queue bound: EBADF
        no such queue + queue bound: ERANGE

        [control]
        flush: nothing wrong: granted
        flush: no such zcrx: ENXIO
        export: nothing wrong: granted
        export: no such zcrx: ENXIO
        arm-event: no such zcrx: ENXIO
        arm-event: event not asked for: EINVAL
        add-area: no such zcrx: ENXIO
        add-area: no such zcrx + area with a token: ENXIO
        add-area: area with a token: EINVAL
        add-area: area with a token + area at address 0: EINVAL
        add-area: area flag that does not exist: EINVAL
        add-area: area flag that does not exist + area at address 0: EINVAL
        add-area: area at address 0: EFAULT
        add-area: area not aligned: EINVAL
        add-area: area of dma-buf -1: EBADF
        import: descriptor -1: EBADF
        import: descriptor of another file: EBADF
        import: descriptor of a zcrx: granted
        import: ring without DEFER_TASKRUN + descriptor -1: EINVAL
        import: ring without DEFER_TASKRUN + descriptor of another file: EINVAL
        import: ring without DEFER_TASKRUN + descriptor of a zcrx: EINVAL
        import: ring without CQE32 + descriptor -1: EINVAL
        import: ring without CQE32 + descriptor of another file: EINVAL
        import: ring without CQE32 + descriptor of a zcrx: EINVAL
        import: queue + descriptor -1: EINVAL
        import: queue + descriptor of a zcrx: EINVAL
        import: refill entries + descriptor -1: EINVAL
        import: refill entries + descriptor of a zcrx: EINVAL
        import: area + descriptor -1: EINVAL
        import: area + descriptor of a zcrx: EINVAL
        import: region + descriptor -1: EINVAL
        import: region + descriptor of a zcrx: EINVAL
        import: event descriptor + descriptor -1: EINVAL
        import: event descriptor + descriptor of a zcrx: EINVAL
        import: further flag + descriptor -1: EINVAL
        import: further flag + descriptor of a zcrx: EINVAL

        """

    private static let linux72 = """
        [bind-rx]
        nothing wrong: granted
        ifindex 0: ERANGE "integer out of range"
        no queue named: EINVAL
        page size no power of 2: EINVAL "Unknown attribute type"
        no such device: ENODEV
        device without queue management: EOPNOTSUPP
        no such queue: EINVAL
        dma-buf -1: EBADF
        dma-buf is another file: EINVAL
        page size larger than the dma-buf: EINVAL "Unknown attribute type"
        tcp-data-split off: EINVAL "tcp-data-split is disabled"
        hds-thresh 1: EINVAL "hds-thresh is not zero"
        queue bound: EEXIST "designated queue already memory provider bound"
        no queue named + no such device: EINVAL
        page size no power of 2 + no such device: EINVAL "Unknown attribute type"
        no queue named + device without queue management: EINVAL
        page size no power of 2 + device without queue management: EINVAL "Unknown attribute type"
        ifindex 0 + dma-buf -1: ERANGE "integer out of range"
        no queue named + dma-buf -1: EINVAL
        page size no power of 2 + dma-buf -1: EINVAL "Unknown attribute type"
        no such device + dma-buf -1: ENODEV
        device without queue management + dma-buf -1: EOPNOTSUPP
        no such queue + dma-buf -1: EINVAL
        ifindex 0 + page size larger than the dma-buf: ERANGE "integer out of range"
        no queue named + page size larger than the dma-buf: EINVAL "Unknown attribute type"
        no such device + page size larger than the dma-buf: EINVAL "Unknown attribute type"
        device without queue management + page size larger than the dma-buf: EINVAL "Unknown attribute type"
        no such queue + page size larger than the dma-buf: EINVAL "Unknown attribute type"
        dma-buf -1 + page size larger than the dma-buf: EINVAL "Unknown attribute type"
        dma-buf is another file + page size larger than the dma-buf: EINVAL "Unknown attribute type"
        ifindex 0 + tcp-data-split off: ERANGE "integer out of range"
        no queue named + tcp-data-split off: EINVAL
        page size no power of 2 + tcp-data-split off: EINVAL "Unknown attribute type"
        no such device + tcp-data-split off: ENODEV
        device without queue management + tcp-data-split off: EOPNOTSUPP
        no such queue + tcp-data-split off: EINVAL
        dma-buf -1 + tcp-data-split off: EBADF
        dma-buf is another file + tcp-data-split off: EINVAL
        page size larger than the dma-buf + tcp-data-split off: EINVAL "Unknown attribute type"
        ifindex 0 + queue bound: ERANGE "integer out of range"
        no queue named + queue bound: EINVAL
        page size no power of 2 + queue bound: EINVAL "Unknown attribute type"
        no such device + queue bound: ENODEV
        device without queue management + queue bound: EOPNOTSUPP
        no such queue + queue bound: EINVAL
        dma-buf -1 + queue bound: EBADF
        dma-buf is another file + queue bound: EINVAL
        page size larger than the dma-buf + queue bound: EINVAL "Unknown attribute type"

        [bind-tx]
        nothing wrong: granted
        ifindex 0: ERANGE "integer out of range"
        no such device: ENODEV
        device that sends no net_iovs: EOPNOTSUPP "Driver does not support netmem TX"
        dma-buf -1: EBADF
        dma-buf is another file: EINVAL
        ifindex 0 + dma-buf -1: ERANGE "integer out of range"
        no such device + dma-buf -1: ENODEV
        device that sends no net_iovs + dma-buf -1: EOPNOTSUPP "Driver does not support netmem TX"
        ifindex 0 + dma-buf is another file: ERANGE "integer out of range"
        no such device + dma-buf is another file: ENODEV
        device that sends no net_iovs + dma-buf is another file: EOPNOTSUPP "Driver does not support netmem TX"

        [register]
        nothing wrong: granted
        ring without DEFER_TASKRUN: EINVAL
        ring without CQE32: EINVAL
        flag that does not exist: EINVAL
        no refill entries: EINVAL
        queue -1: EINVAL
        NODEV with an ifindex: EINVAL
        area with a token: EINVAL
        event that does not exist: EINVAL
        region smaller than its ring: EINVAL
        region of no whole pages: EINVAL
        statistics not aligned: EINVAL
        statistics inside the ring: ERANGE
        no such device: ENODEV
        device that does no DMA: EOPNOTSUPP
        buffer length no power of 2: EINVAL
        area flag that does not exist: EINVAL
        area of no length: EFAULT
        area not aligned: EINVAL
        area at address 0: EFAULT
        area of dma-buf -1: EBADF
        no such queue: ERANGE
        tcp-data-split off: EINVAL
        hds-thresh 1: EINVAL
        queue bound: EEXIST
        ring without DEFER_TASKRUN + statistics inside the ring: EINVAL
        ring without CQE32 + statistics inside the ring: EINVAL
        flag that does not exist + statistics inside the ring: EINVAL
        no refill entries + statistics inside the ring: EINVAL
        queue -1 + statistics inside the ring: EINVAL
        NODEV with an ifindex + statistics inside the ring: EINVAL
        area with a token + statistics inside the ring: ERANGE
        event that does not exist + statistics inside the ring: EINVAL
        region smaller than its ring + statistics inside the ring: EINVAL
        region of no whole pages + statistics inside the ring: EINVAL
        ring without DEFER_TASKRUN + no such device: EINVAL
        ring without CQE32 + no such device: EINVAL
        flag that does not exist + no such device: EINVAL
        no refill entries + no such device: EINVAL
        queue -1 + no such device: EINVAL
        NODEV with an ifindex + no such device: EINVAL
        area with a token + no such device: ENODEV
        event that does not exist + no such device: EINVAL
        region smaller than its ring + no such device: EINVAL
        region of no whole pages + no such device: EINVAL
        statistics not aligned + no such device: EINVAL
        statistics inside the ring + no such device: ERANGE
        ring without DEFER_TASKRUN + device that does no DMA: EINVAL
        ring without CQE32 + device that does no DMA: EINVAL
        flag that does not exist + device that does no DMA: EINVAL
        no refill entries + device that does no DMA: EINVAL
        queue -1 + device that does no DMA: EINVAL
        NODEV with an ifindex + device that does no DMA: EINVAL
        area with a token + device that does no DMA: EOPNOTSUPP
        event that does not exist + device that does no DMA: EINVAL
        region smaller than its ring + device that does no DMA: EINVAL
        region of no whole pages + device that does no DMA: EINVAL
        statistics not aligned + device that does no DMA: EINVAL
        statistics inside the ring + device that does no DMA: ERANGE
        ring without DEFER_TASKRUN + area at address 0: EINVAL
        ring without CQE32 + area at address 0: EINVAL
        flag that does not exist + area at address 0: EINVAL
        no refill entries + area at address 0: EINVAL
        queue -1 + area at address 0: EINVAL
        NODEV with an ifindex + area at address 0: EINVAL
        area with a token + area at address 0: EINVAL
        event that does not exist + area at address 0: EINVAL
        region smaller than its ring + area at address 0: EINVAL
        region of no whole pages + area at address 0: EINVAL
        statistics not aligned + area at address 0: EINVAL
        statistics inside the ring + area at address 0: ERANGE
        no such device + area at address 0: ENODEV
        device that does no DMA + area at address 0: EOPNOTSUPP
        buffer length no power of 2 + area at address 0: EINVAL
        area flag that does not exist + area at address 0: EINVAL
        ring without DEFER_TASKRUN + area of dma-buf -1: EINVAL
        ring without CQE32 + area of dma-buf -1: EINVAL
        flag that does not exist + area of dma-buf -1: EINVAL
        no refill entries + area of dma-buf -1: EINVAL
        queue -1 + area of dma-buf -1: EINVAL
        NODEV with an ifindex + area of dma-buf -1: EINVAL
        area with a token + area of dma-buf -1: EINVAL
        event that does not exist + area of dma-buf -1: EINVAL
        region smaller than its ring + area of dma-buf -1: EINVAL
        region of no whole pages + area of dma-buf -1: EINVAL
        statistics not aligned + area of dma-buf -1: EINVAL
        statistics inside the ring + area of dma-buf -1: ERANGE
        no such device + area of dma-buf -1: ENODEV
        device that does no DMA + area of dma-buf -1: EOPNOTSUPP
        buffer length no power of 2 + area of dma-buf -1: EINVAL
        area flag that does not exist + area of dma-buf -1: EINVAL
        ring without DEFER_TASKRUN + no such queue: EINVAL
        ring without CQE32 + no such queue: EINVAL
        flag that does not exist + no such queue: EINVAL
        no refill entries + no such queue: EINVAL
        NODEV with an ifindex + no such queue: EINVAL
        area with a token + no such queue: EINVAL
        event that does not exist + no such queue: EINVAL
        region smaller than its ring + no such queue: EINVAL
        region of no whole pages + no such queue: EINVAL
        statistics not aligned + no such queue: EINVAL
        statistics inside the ring + no such queue: ERANGE
        no such device + no such queue: ENODEV
        device that does no DMA + no such queue: EOPNOTSUPP
        buffer length no power of 2 + no such queue: EINVAL
        area flag that does not exist + no such queue: EINVAL
        area of no length + no such queue: EFAULT
        area not aligned + no such queue: EINVAL
        area at address 0 + no such queue: EFAULT
        area of dma-buf -1 + no such queue: EBADF
        ring without DEFER_TASKRUN + tcp-data-split off: EINVAL
        ring without CQE32 + tcp-data-split off: EINVAL
        flag that does not exist + tcp-data-split off: EINVAL
        no refill entries + tcp-data-split off: EINVAL
        queue -1 + tcp-data-split off: EINVAL
        NODEV with an ifindex + tcp-data-split off: EINVAL
        area with a token + tcp-data-split off: EINVAL
        event that does not exist + tcp-data-split off: EINVAL
        region smaller than its ring + tcp-data-split off: EINVAL
        region of no whole pages + tcp-data-split off: EINVAL
        statistics not aligned + tcp-data-split off: EINVAL
        statistics inside the ring + tcp-data-split off: ERANGE
        no such device + tcp-data-split off: ENODEV
        device that does no DMA + tcp-data-split off: EOPNOTSUPP
        buffer length no power of 2 + tcp-data-split off: EINVAL
        area flag that does not exist + tcp-data-split off: EINVAL
        area of no length + tcp-data-split off: EFAULT
        area not aligned + tcp-data-split off: EINVAL
        area at address 0 + tcp-data-split off: EFAULT
        area of dma-buf -1 + tcp-data-split off: EBADF
        no such queue + tcp-data-split off: ERANGE
        ring without DEFER_TASKRUN + queue bound: EINVAL
        ring without CQE32 + queue bound: EINVAL
        flag that does not exist + queue bound: EINVAL
        no refill entries + queue bound: EINVAL
        queue -1 + queue bound: EINVAL
        NODEV with an ifindex + queue bound: EINVAL
        area with a token + queue bound: EINVAL
        event that does not exist + queue bound: EINVAL
        region smaller than its ring + queue bound: EINVAL
        region of no whole pages + queue bound: EINVAL
        statistics not aligned + queue bound: EINVAL
        statistics inside the ring + queue bound: ERANGE
        no such device + queue bound: ENODEV
        device that does no DMA + queue bound: EOPNOTSUPP
        buffer length no power of 2 + queue bound: EINVAL
        area flag that does not exist + queue bound: EINVAL
        area of no length + queue bound: EFAULT
        area not aligned + queue bound: EINVAL
        area at address 0 + queue bound: EFAULT
        area of dma-buf -1 + queue bound: EBADF
        no such queue + queue bound: ERANGE

        [control]
        flush: nothing wrong: granted
        flush: no such zcrx: ENXIO
        export: nothing wrong: granted
        export: no such zcrx: ENXIO
        arm-event: no such zcrx: ENXIO
        arm-event: event not asked for: EINVAL
        add-area: no such zcrx: ENXIO
        add-area: no such zcrx + area with a token: ENXIO
        add-area: area with a token: EOPNOTSUPP
        add-area: area with a token + area at address 0: EOPNOTSUPP
        add-area: area flag that does not exist: EOPNOTSUPP
        add-area: area flag that does not exist + area at address 0: EOPNOTSUPP
        add-area: area at address 0: EOPNOTSUPP
        add-area: area not aligned: EOPNOTSUPP
        add-area: area of dma-buf -1: EOPNOTSUPP
        import: descriptor -1: EBADF
        import: descriptor of another file: EBADF
        import: descriptor of a zcrx: granted
        import: ring without DEFER_TASKRUN + descriptor -1: EINVAL
        import: ring without DEFER_TASKRUN + descriptor of another file: EINVAL
        import: ring without DEFER_TASKRUN + descriptor of a zcrx: EINVAL
        import: ring without CQE32 + descriptor -1: EINVAL
        import: ring without CQE32 + descriptor of another file: EINVAL
        import: ring without CQE32 + descriptor of a zcrx: EINVAL
        import: queue + descriptor -1: EINVAL
        import: queue + descriptor of a zcrx: EINVAL
        import: refill entries + descriptor -1: EINVAL
        import: refill entries + descriptor of a zcrx: EINVAL
        import: area + descriptor -1: EINVAL
        import: area + descriptor of a zcrx: EINVAL
        import: region + descriptor -1: EINVAL
        import: region + descriptor of a zcrx: EINVAL
        import: event descriptor + descriptor -1: EINVAL
        import: event descriptor + descriptor of a zcrx: EINVAL
        import: further flag + descriptor -1: EINVAL
        import: further flag + descriptor of a zcrx: EINVAL

        """
}

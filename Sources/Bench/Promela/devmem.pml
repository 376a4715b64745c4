// SPDX-License-Identifier: GPL-2.0
/*
 * The life cycle of devmem's buffers in mainline (design unifiedRefCount, provider devmem), written a second time, by hand,
 * for SPIN. It is the model of Sources/LifeCycle/Model, so that two explorers can be compared: one step there is one
 * step here, one state there is one state here. docs/benchmarks.md describes the comparison.
 *
 *   spin -a devmem.pml && gcc -O2 -DSAFETY -DNOREDUCE -o pan pan.c && ./pan -m100000
 *
 * The bounds are those of `ppiov model`, but for 2 buffers; give others with spin -DBUFFERS=3. -DFAULT=close_omits_token_release
 * puts in a fault.
 *
 * One process, one loop. Each option is a d_step: its guard and its statements are one transition, and no state in between is stored.
 * Expressions are macros for the same reason. What is constant in this design is left out: dropping, delivering, posted (0),
 * unreferenced (false).
 */

/* net_iovs of the binding: 1 to 4. */
#ifndef BUFFERS
#define BUFFERS 2
#endif
/* Pools of the queue, one after the other: 1 to 3. */
#ifndef POOLS
#define POOLS 2
#endif
/* References of the stack to one buffer: 1 to 3. */
#ifndef STACK_REFERENCES
#define STACK_REFERENCES 2
#endif
/* References of user space to one buffer, its tokens: 0 to 3. */
#ifndef USER_REFERENCES
#define USER_REFERENCES 2
#endif
/* Buffers that a pool's ptr_ring takes: 0 to 4. */
#ifndef RING_CAPACITY
#define RING_CAPACITY 1
#endif
/* Puts that can be under way at once: 1 to 3. */
#ifndef CONCURRENT_PUTS
#define CONCURRENT_PUTS 2
#endif

/* The faults, by their names in `ppiov model --list-faults`. */
#define none 0
#define close_omits_token_release 1
#define dontneed_omits_put 2
#define deliver_without_reference 3
#define release_not_counted 4
#define release_counted_twice 5
#define release_omits_free_list 6
#define release_frees_twice 7
#define release_keeps_owner 8
#define ring_not_emptied 9
#define cache_not_emptied 10
#define pool_freed_early 11
#define pool_ignores_producer 12
#define provider_freed_early 13
#define free_omits_unmap 14
#ifndef FAULT
#define FAULT none
#endif

/* Where a buffer is: referenced or on the binding's free list; pool->alloc.cache; pool->ring; on its way into the pool. */
#define out 0
#define cache 1
#define ring 2
#define transit 3

/* The state of a pool that was created. */
#define live 0
#define destroying 1
#define freed 2

typedef Buffer {
    unsigned owner : 2;     /* the pool that it names (niov->desc.pp), from 1; 0 for none */
    unsigned place : 2;
    unsigned free : 2 = 1;  /* how often it is on the binding's free list */
    unsigned stack : 2;     /* references of driver and stack */
    unsigned user : 2;      /* tokens in sk_user_frags */
    unsigned count : 4      /* pp_ref_count */
}

typedef Pool {
    unsigned state : 2;
    unsigned inflight : 4;  /* the kernel's counters, hold - release; a fault makes it negative: 15, 14 */
    unsigned pending : 2;   /* buffers returned to the binding and not counted yet */
    unsigned producing : 1  /* a CPU holds the producer lock in page_pool_recycle_in_ring() */
}

Buffer buffer[BUFFERS];
Pool pool[POOLS];
unsigned made : 2 = 1;        /* pools that were created; only the newest can be live, the rest of pool[] is not created yet */
bit handle = 1;               /* user space has the binding's netlink socket */
bit installed = 1;            /* the binding is on the queue (rxq->mp_params) */
bit mapped = 1;               /* the dma-buf is mapped for the device */
bit device = 1;
bit socket = 1;               /* the data socket is open */
bit provider_freed = 0;

/* Over all buffers and pools. */
#if BUFFERS == 1
#define ANY_BUFFER(is) (is(0))
#define BUFFERS_THAT(is) (is(0))
#define OF_EACH_BUFFER(step) :: step(0)
#elif BUFFERS == 2
#define ANY_BUFFER(is) (is(0) || is(1))
#define BUFFERS_THAT(is) (is(0) + is(1))
#define OF_EACH_BUFFER(step) :: step(0) :: step(1)
#elif BUFFERS == 3
#define ANY_BUFFER(is) (is(0) || is(1) || is(2))
#define BUFFERS_THAT(is) (is(0) + is(1) + is(2))
#define OF_EACH_BUFFER(step) :: step(0) :: step(1) :: step(2)
#else
#define ANY_BUFFER(is) (is(0) || is(1) || is(2) || is(3))
#define BUFFERS_THAT(is) (is(0) + is(1) + is(2) + is(3))
#define OF_EACH_BUFFER(step) :: step(0) :: step(1) :: step(2) :: step(3)
#endif
#if POOLS == 1
#define ANY_POOL(is) (is(0))
#define OF_ALL_POOLS(field) (pool[0].field)
#define OF_EACH_POOL(step) :: step(0)
#elif POOLS == 2
#define ANY_POOL(is) (is(0) || is(1))
#define OF_ALL_POOLS(field) (pool[0].field + pool[1].field)
#define OF_EACH_POOL(step) :: step(0) :: step(1)
#else
#define ANY_POOL(is) (is(0) || is(1) || is(2))
#define OF_ALL_POOLS(field) (pool[0].field + pool[1].field + pool[2].field)
#define OF_EACH_POOL(step) :: step(0) :: step(1) :: step(2)
#endif

/* Of one buffer. */
#define POOL_OF(i) pool[buffer[i].owner - 1]
#define IN_TRANSIT(i) (buffer[i].place == transit)
#define NEWEST_CACHED(i) (buffer[i].place == cache && buffer[i].owner == made)
#define NEWEST_RINGED(i) (buffer[i].place == ring && buffer[i].owner == made)
#define REFERENCED(i) (buffer[i].stack > 0 || buffer[i].user > 0)

/* Of one pool. */
#define NEWEST pool[made - 1]
#define THERE(p) (p < made && pool[p].state != freed)

/* A CPU is left for another put. */
#define CAN_PUT (BUFFERS_THAT(IN_TRANSIT) + OF_ALL_POOLS(pending) < CONCURRENT_PUTS)

/* ---- The driver takes a buffer: from the cache, else from the ring, else from the binding. ---- */

inline take_from_cache(i) {
    d_step {
        NEWEST.state == live && NEWEST_CACHED(i) ->
        buffer[i].place = out;
        buffer[i].stack++
    }
}

inline take_from_ring(i) {
    d_step {
        NEWEST.state == live && NEWEST_RINGED(i) && !ANY_BUFFER(NEWEST_CACHED) ->
        buffer[i].place = out;
        buffer[i].stack++
    }
}

inline allocate(i) {
    d_step {
        NEWEST.state == live && buffer[i].free > 0 && !ANY_BUFFER(NEWEST_CACHED) && !ANY_BUFFER(NEWEST_RINGED) ->
        assert(buffer[i].owner == 0 || (buffer[i].place == out && !REFERENCED(i)));    /* I2 */
        buffer[i].free--;
        buffer[i].owner = made;
        buffer[i].count = 1;
        buffer[i].stack++;
        NEWEST.inflight++
    }
}

/* ---- References. ---- */

inline take_reference(i) {
    d_step {
        buffer[i].stack > 0 && buffer[i].stack < STACK_REFERENCES ->
        buffer[i].stack++;
        buffer[i].count++
    }
}

/* page_pool_unref_netmem(): the put of the last reference returns the buffer to its pool, with a count of 1. */
#define MAY_PUT(i) (buffer[i].count != 1 || CAN_PUT)
inline put(i) {
    if
    :: buffer[i].count == 1 -> buffer[i].place = transit
    :: else -> buffer[i].count--
    fi
}

inline drop_reference(i) {
    d_step {
        buffer[i].stack > 0 && MAY_PUT(i) ->
        buffer[i].stack--;
        put(i)
    }
}

/* tcp_recvmsg_dmabuf() */
inline deliver(i) {
    d_step {
        buffer[i].stack > 0 && buffer[i].user < USER_REFERENCES && socket ->
        buffer[i].user++;
        if
        :: FAULT == deliver_without_reference -> skip
        :: else -> buffer[i].count++
        fi
    }
}

/* sock_devmem_dontneed() while the socket is open, tcp_release_user_frags() afterwards. */
inline return_token(i) {
    d_step {
        buffer[i].user > 0 && (MAY_PUT(i) || (FAULT == dontneed_omits_put && socket)) &&
            (socket || FAULT != close_omits_token_release) ->
        buffer[i].user--;
        if
        :: FAULT == dontneed_omits_put && socket -> skip
        :: else -> put(i)
        fi
    }
}

/* ---- In the pool. ---- */

inline recycle_in_cache(i) {
    d_step {
        IN_TRANSIT(i) && POOL_OF(i).state == live ->
        buffer[i].place = cache
    }
}

/* Buffers in the ring of the pool that buffer i names. */
#if BUFFERS == 1
#define IN_RING_WITH(i) SAME_RING(i, 0)
#elif BUFFERS == 2
#define IN_RING_WITH(i) (SAME_RING(i, 0) + SAME_RING(i, 1))
#elif BUFFERS == 3
#define IN_RING_WITH(i) (SAME_RING(i, 0) + SAME_RING(i, 1) + SAME_RING(i, 2))
#else
#define IN_RING_WITH(i) (SAME_RING(i, 0) + SAME_RING(i, 1) + SAME_RING(i, 2) + SAME_RING(i, 3))
#endif
#define SAME_RING(i, j) (buffer[j].place == ring && buffer[j].owner == buffer[i].owner)

inline recycle_in_ring(i) {
    d_step {
        IN_TRANSIT(i) && !POOL_OF(i).producing && IN_RING_WITH(i) < RING_CAPACITY ->
        buffer[i].place = ring;
        POOL_OF(i).producing = 1
    }
}

/* The provider's release callback; the release is counted later. */
inline release(i) {
    POOL_OF(i).pending++;
    buffer[i].place = out;
    buffer[i].count = 0;
    if
    :: FAULT == release_keeps_owner -> skip
    :: else -> buffer[i].owner = 0
    fi;
    if
    :: FAULT == release_omits_free_list -> skip
    :: FAULT == release_frees_twice -> buffer[i].free = 2
    :: else -> buffer[i].free++
    fi
}

/* page_pool_return_netmem(), up to the counting */
inline return_to_provider(i) {
    d_step {
        IN_TRANSIT(i) && !POOL_OF(i).producing && IN_RING_WITH(i) >= RING_CAPACITY ->
        release(i)
    }
}

/* page_pool_scrub() of a pool that is being destroyed */
inline empty_pool(i) {
    d_step {
        ((buffer[i].place == cache && FAULT != cache_not_emptied) || (buffer[i].place == ring && FAULT != ring_not_emptied)) &&
            POOL_OF(i).state == destroying && CAN_PUT ->
        release(i)
    }
}

inline leave_ring(p) {
    d_step {
        pool[p].producing ->
        pool[p].producing = 0
    }
}

inline count_release(p) {
    d_step {
        pool[p].pending > 0 ->
        pool[p].pending--;
        if
        :: FAULT == release_not_counted -> skip
        :: FAULT == release_counted_twice -> pool[p].inflight = pool[p].inflight - 2
        :: else -> pool[p].inflight--
        fi
    }
}

/* page_pool_release_retry() */
inline free_pool(p) {
    d_step {
        pool[p].state == destroying && (pool[p].inflight == 0 || FAULT == pool_freed_early) &&
            (!pool[p].producing || FAULT == pool_ignores_producer) ->
        pool[p].state = freed
    }
}

/* ---- The ends. ---- */

/* netdev_rx_queue_restart(): the new pool first, then the end of the old one. */
inline restart() {
    d_step {
        installed && made < POOLS ->
        NEWEST.state = destroying;
        made++
    }
}

/* net_devmem_unbind_dmabuf() */
inline unbind() {
    d_step {
        installed ->
        NEWEST.state = destroying;
        installed = 0
    }
}

inline remove_device() {
    d_step {
        device && installed ->
        NEWEST.state = destroying;
        installed = 0;
        device = 0
    }
}

inline close_socket() {
    d_step {
        socket ->
        socket = 0
    }
}

inline drop_handle() {
    d_step {
        handle && !installed ->
        handle = 0
    }
}

/* __net_devmem_dmabuf_binding_free(): every pool has a reference on the binding until it is freed. */
inline free_provider() {
    d_step {
        !handle && !provider_freed && (!ANY_POOL(THERE) || FAULT == provider_freed_early) ->
        provider_freed = 1;
        if
        :: FAULT == free_omits_unmap -> skip
        :: else -> mapped = 0
        fi
    }
}

/* ---- The invariants. ---- */

/* I1: hold - release is the number of buffers out. */
#if BUFFERS == 1
#define OUT_OF(p) (OUT(p, 0))
#elif BUFFERS == 2
#define OUT_OF(p) (OUT(p, 0) + OUT(p, 1))
#elif BUFFERS == 3
#define OUT_OF(p) (OUT(p, 0) + OUT(p, 1) + OUT(p, 2))
#else
#define OUT_OF(p) (OUT(p, 0) + OUT(p, 1) + OUT(p, 2) + OUT(p, 3))
#endif
#define OUT(p, j) (buffer[j].owner == p + 1 && buffer[j].free == 0)
#define MISCOUNTED(p) (pool[p].inflight != OUT_OF(p) + pool[p].pending)
/* I3: no buffer names a pool that was freed. */
#define NAMES_FREED(i) (buffer[i].owner != 0 && POOL_OF(i).state == freed)
#define BUSY_FREED(p) (pool[p].state == freed && (pool[p].producing || pool[p].pending > 0))
/* I4: a provider is freed after its last pool, with every buffer on its free list. */
#define NOT_FREE(i) (buffer[i].free != 1)
/* I5: a buffer that is referenced is on no free list, in no cache, in no ring, on no way there, and on no list twice. */
#define FREE_AND_MORE(i) (buffer[i].free > 1 || (buffer[i].free == 1 && buffer[i].place != out) \
    || (REFERENCED(i) && (buffer[i].free > 0 || buffer[i].place != out)))
/* I7, early: a buffer is in none of these places. */
#define LOST(i) (buffer[i].free == 0 && buffer[i].place == out && !REFERENCED(i))

#define BROKEN (ANY_POOL(MISCOUNTED) || ANY_BUFFER(NAMES_FREED) || ANY_POOL(BUSY_FREED) || ANY_BUFFER(FREE_AND_MORE) \
    || ANY_BUFFER(LOST) || (provider_freed && (mapped || ANY_POOL(THERE) || ANY_BUFFER(NOT_FREE))))

/* I7, of a state that no step leaves: every buffer is on the free list. */
#define STRAY(i) (buffer[i].free != 1 || buffer[i].owner != 0 || buffer[i].place != out || REFERENCED(i))
#define STUCK (ANY_BUFFER(STRAY) || ANY_POOL(THERE) || !provider_freed)

/*
 * One process has all steps: the order of two steps is a choice of the loop. -DACTORS gives each actor a process of its own,
 * as SPIN's partial-order reduction uses independent steps of different processes.
 */
#ifdef ACTORS
#define ACTOR(name) od } active proctype name() { end: do
#else
#define ACTOR(name)
#endif

active proctype Driver() {
end:
    do
    OF_EACH_BUFFER(take_from_cache)
    OF_EACH_BUFFER(take_from_ring)
    OF_EACH_BUFFER(allocate)
    ACTOR(Stack)
    OF_EACH_BUFFER(take_reference)
    OF_EACH_BUFFER(drop_reference)
    ACTOR(User)
    OF_EACH_BUFFER(deliver)
    OF_EACH_BUFFER(return_token)
    ACTOR(Putter)
    OF_EACH_BUFFER(recycle_in_cache)
    OF_EACH_BUFFER(recycle_in_ring)
    OF_EACH_BUFFER(return_to_provider)
    OF_EACH_POOL(leave_ring)
    OF_EACH_POOL(count_release)
    ACTOR(Worker)
    OF_EACH_BUFFER(empty_pool)
    OF_EACH_POOL(free_pool)
    :: free_provider()
    ACTOR(Closer)
    :: unbind()
    :: close_socket()
    :: drop_handle()
    ACTOR(Administrator)
    :: restart()
    :: remove_device()
    ACTOR(Observer)
    /* Steps that only a broken state has. Their guards are evaluated once a state, as InvariantCheck is. */
    :: BROKEN -> assert(false)
    :: timeout && STUCK -> assert(false)
    od
}

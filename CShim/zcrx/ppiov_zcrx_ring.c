// SPDX-License-Identifier: GPL-2.0
/* Rings, receive requests and completions, over liburing. */
#include "ppiov_zcrx.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#include "ppiov_zcrx_ring.h"

_Static_assert(offsetof(struct io_uring_sqe, file_index) ==
	       PPIOV_SQE_ZCRX_IFQ_IDX, "zcrx_ifq_idx shares file_index's place");

/* Opens a ring on the heap: liburing keeps pointers into it. */
int ppiov_ring_open(uint32_t entries, uint32_t cq_entries, uint32_t flags,
		    struct ppiov_ring **out)
{
	struct io_uring_params params = { .flags = flags };
	struct ppiov_ring *ring = calloc(1, sizeof(*ring));
	int err;

	*out = NULL;
	if (!ring)
		return -ENOMEM;
	if (cq_entries) {
		params.flags |= PPIOV_SETUP_CQSIZE;
		params.cq_entries = cq_entries;
	}
	err = io_uring_queue_init_params(entries, &ring->uring, &params);
	if (err) {
		free(ring);
		return err;
	}
	*out = ring;
	return 0;
}

/* Closes a ring.  The kernel removes its interface queues some time later. */
void ppiov_ring_close(struct ppiov_ring *ring)
{
	io_uring_queue_exit(&ring->uring);
	free(ring);
}

/* Registers a file with a ring that has none; it is held until the ring is freed. */
int ppiov_ring_hold_file(struct ppiov_ring *ring, int fd)
{
	return io_uring_register_files(&ring->uring, &fd, 1);
}

/* The ring's descriptor, for mmap(2) of regions and for other processes. */
int ppiov_ring_fd(const struct ppiov_ring *ring)
{
	return ring->uring.ring_fd;
}

/* IORING_FEAT_* bits of the kernel that set the ring up. */
int ppiov_ring_features(const struct ppiov_ring *ring)
{
	return (int)ring->uring.features;
}

/* Completions that the kernel could not post; with each a buffer is lost. */
uint32_t ppiov_ring_overflow(const struct ppiov_ring *ring)
{
	return __atomic_load_n(ring->uring.cq.koverflow, __ATOMIC_ACQUIRE);
}

/* Gets a submission entry; submits what is queued where the queue is full. */
static struct io_uring_sqe *ring_sqe(struct ppiov_ring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);

	if (!sqe && io_uring_submit(&ring->uring) >= 0)
		sqe = io_uring_get_sqe(&ring->uring);
	return sqe;
}

/* Submits what is queued, which is at least one request. */
static int ring_submit(struct ppiov_ring *ring)
{
	int submitted = io_uring_submit(&ring->uring);

	return submitted < 0 ? submitted : 0;
}

/*
 * Submits a zero-copy receive.  The kernel requires @multishot even for a
 * receive that is limited to @len bytes, and refuses the request without it.
 */
int ppiov_ring_recv_zc(struct ppiov_ring *ring, int socket, uint32_t zcrx_id,
		       uint32_t len, bool multishot, bool poll_first,
		       uint64_t user_data)
{
	struct io_uring_sqe *sqe = ring_sqe(ring);

	if (!sqe)
		return -EBUSY;
	io_uring_prep_rw(PPIOV_OP_RECV_ZC, sqe, socket, NULL, len, 0);
	if (multishot)
		sqe->ioprio |= PPIOV_RECV_MULTISHOT;
	if (poll_first)
		sqe->ioprio |= PPIOV_RECV_POLL_FIRST;
	sqe->file_index = zcrx_id;
	sqe->user_data = user_data;
	return ring_submit(ring);
}

/* Cancels the request with user data @target; completes with @user_data. */
int ppiov_ring_cancel(struct ppiov_ring *ring, uint64_t target,
		      uint64_t user_data)
{
	struct io_uring_sqe *sqe = ring_sqe(ring);

	if (!sqe)
		return -EBUSY;
	io_uring_prep_cancel64(sqe, target, 0);
	sqe->user_data = user_data;
	return ring_submit(ring);
}

/*
 * Copies a completion and advances the ring; false for IORING_CQE_F_SKIP, a
 * filler at the ring's end where a 32-byte completion does not fit.
 */
static bool take_completion(struct ppiov_ring *ring, struct io_uring_cqe *cqe,
		      struct ppiov_completion *out)
{
	bool big = ring->uring.flags & PPIOV_SETUP_CQE32;
	/* In a ring with CQE32 liburing counts entries of 32 bytes itself. */
	bool mixed = !big && (cqe->flags & PPIOV_CQE_F_32);
	struct ppiov_zcrx_cqe zcrx;

	if (!big && (cqe->flags & PPIOV_CQE_F_SKIP)) {
		io_uring_cq_advance(&ring->uring, 1);
		return false;
	}
	memset(out, 0, sizeof(*out));
	out->user_data = cqe->user_data;
	out->result = cqe->res;
	out->flags = cqe->flags;
	if (big || mixed) {
		memcpy(&zcrx, cqe + 1, sizeof(zcrx));
		out->has_zcrx = true;
		out->zcrx_off = zcrx.off;
	}
	io_uring_cq_advance(&ring->uring, mixed ? 2 : 1);
	return true;
}

/*
 * Waits for one completion: 1 taken, 0 at the timeout, -EINTR where the wait
 * ended before, or -errno.
 */
int ppiov_ring_wait(struct ppiov_ring *ring, uint64_t timeout_ns,
		    struct ppiov_completion *out)
{
	struct __kernel_timespec ts = {
		.tv_sec = (long long)(timeout_ns / 1000000000),
		.tv_nsec = (long long)(timeout_ns % 1000000000),
	};
	struct io_uring_cqe *cqe = NULL;
	int err;

	err = io_uring_wait_cqe_timeout(&ring->uring, &cqe, &ts);
	if (err == -ETIME)
		return 0;
	if (err)
		return err;
	return take_completion(ring, cqe, out) ? 1 : -EINTR;
}

/*
 * Takes one completion without waiting: 1 taken, 0 none, or -errno.  A ring
 * that defers task work posts completions only when entered, hence the entry.
 */
int ppiov_ring_peek(struct ppiov_ring *ring, struct ppiov_completion *out)
{
	struct io_uring_cqe *cqe = NULL;
	int err;

	do {
		err = io_uring_peek_cqe(&ring->uring, &cqe);
		if (err == -EAGAIN) {
			err = io_uring_get_events(&ring->uring);
			if (err < 0)
				return err;
			err = io_uring_peek_cqe(&ring->uring, &cqe);
		}
		if (err == -EAGAIN)
			return 0;
		if (err)
			return err;
	} while (!take_completion(ring, cqe, out));
	return 1;
}

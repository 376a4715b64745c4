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

/* Opens a ring at an address that stays: liburing keeps pointers into it. */
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

/* Closes a ring; the kernel takes its interface queues down some time later. */
void ppiov_ring_close(struct ppiov_ring *ring)
{
	io_uring_queue_exit(&ring->uring);
	free(ring);
}

/* Has a ring that has no files hold one, until the kernel frees the ring. */
int ppiov_ring_hold_file(struct ppiov_ring *ring, int fd)
{
	return io_uring_register_files(&ring->uring, &fd, 1);
}

/* The ring's descriptor, for passing on and for mapping regions. */
int ppiov_ring_fd(const struct ppiov_ring *ring)
{
	return ring->uring.ring_fd;
}

/* IORING_FEAT_* bits that the kernel gave when the ring was set up. */
int ppiov_ring_features(const struct ppiov_ring *ring)
{
	return (int)ring->uring.features;
}

/* Completions that the kernel could not post: a lost one is a lost buffer. */
uint32_t ppiov_ring_overflow(const struct ppiov_ring *ring)
{
	return __atomic_load_n(ring->uring.cq.koverflow, __ATOMIC_ACQUIRE);
}

/* Takes a request entry, handing over queued ones where the queue is full. */
static struct io_uring_sqe *ring_sqe(struct ppiov_ring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);

	if (!sqe && io_uring_submit(&ring->uring) >= 0)
		sqe = io_uring_get_sqe(&ring->uring);
	return sqe;
}

/* Hands over what is queued; at least one request was. */
static int ring_submit(struct ppiov_ring *ring)
{
	int submitted = io_uring_submit(&ring->uring);

	return submitted < 0 ? submitted : 0;
}

/*
 * Submits a zero-copy receive.  The kernel demands the multishot flag even for
 * a receive limited to @len bytes; leaving it out is for tests of the refusal.
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

/* Cancels the request that carries @target, completing as @user_data. */
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
 * Copies a completion out and gives its slots back; false where it is a filler,
 * which the kernel puts at the ring's end where a long one would not fit.
 */
static bool ring_take(struct ppiov_ring *ring, struct io_uring_cqe *cqe,
		      struct ppiov_completion *out)
{
	bool big = ring->uring.flags & PPIOV_SETUP_CQE32;
	/* liburing counts the slots of a ring whose completions are all long. */
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
	return ring_take(ring, cqe, out) ? 1 : -EINTR;
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
	} while (!ring_take(ring, cqe, out));
	return 1;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* What the message parsers share; never seen outside this target. */
#ifndef PPIOV_NETLINK_READ_H
#define PPIOV_NETLINK_READ_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A stretch of attributes.  libmnl's walkers read through typed pointers and
 * trust the alignment and the inner lengths; these copy, and trust neither.
 */
struct ppiov_span {
	const uint8_t *at;
	size_t left;
};

struct ppiov_attr {
	uint16_t type;		/* without NLA_F_NESTED and the like */
	struct ppiov_span payload;
};

int ppiov_read_payload(const void *buf, size_t len, size_t header,
		       struct ppiov_span *out);
int ppiov_read_genl(const void *buf, size_t len, struct ppiov_span *out);
int ppiov_read_attr(struct ppiov_span *span, struct ppiov_attr *out);
int ppiov_read_u8(const struct ppiov_attr *attr, uint8_t *out);
int ppiov_read_u16(const struct ppiov_attr *attr, uint16_t *out);
int ppiov_read_u32(const struct ppiov_attr *attr, uint32_t *out);
int ppiov_read_u64(const struct ppiov_attr *attr, uint64_t *out);
int ppiov_read_uint(const struct ppiov_attr *attr, uint64_t *out);
int ppiov_read_text(const struct ppiov_attr *attr, char *out, size_t size);
int ppiov_read_flagged(int error, bool *has);

#endif

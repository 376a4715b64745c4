/* SPDX-License-Identifier: GPL-2.0 */
/* What the message builders share.  Private to this directory. */
#ifndef PPIOV_NETLINK_BUILD_H
#define PPIOV_NETLINK_BUILD_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

/*
 * A message being written.  The first put that does not fit sets @error and
 * turns all later ones into no-ops, so builders need one check, at the end.
 */
struct ppiov_build {
	struct nlmsghdr *nlh;
	size_t size;
	int error;
};

struct ppiov_build ppiov_build_start(void *buf, size_t size, uint16_t type,
				     uint16_t flags, uint32_t seq);
void *ppiov_build_header(struct ppiov_build *b, size_t size);
struct ppiov_build ppiov_build_genl(void *buf, size_t size, uint16_t family,
				    uint32_t seq, uint8_t cmd, uint16_t flags);
void ppiov_build_put(struct ppiov_build *b, uint16_t type, const void *data,
		     size_t len);
void ppiov_build_u8(struct ppiov_build *b, uint16_t type, uint8_t value);
void ppiov_build_u32(struct ppiov_build *b, uint16_t type, uint32_t value);
void ppiov_build_uint(struct ppiov_build *b, uint16_t type, uint64_t value);
void ppiov_build_str(struct ppiov_build *b, uint16_t type, const char *value);
struct nlattr *ppiov_build_nest(struct ppiov_build *b, uint16_t type);
void ppiov_build_nest_end(struct ppiov_build *b, struct nlattr *nest);
int ppiov_build_end(struct ppiov_build *b);

#define PPIOV_DO	(NLM_F_REQUEST | NLM_F_ACK)
#define PPIOV_DUMP	(NLM_F_REQUEST | NLM_F_DUMP)

#endif

// SPDX-License-Identifier: GPL-2.0
/* Builds messages within a buffer's bounds, with libmnl. */
#include "ppiov_netlink_build.h"

#include <string.h>

/* Begins a message in a caller's buffer; mnl_nlmsg_put_header() has no bound. */
struct ppiov_build ppiov_build_start(void *buf, size_t size, uint16_t type,
				     uint16_t flags, uint32_t seq)
{
	struct ppiov_build b = { .size = size };

	if (!buf || (uintptr_t)buf % MNL_ALIGNTO) {
		b.error = -EINVAL;
		return b;
	}
	if (size < MNL_NLMSG_HDRLEN) {
		b.error = -EMSGSIZE;
		return b;
	}
	memset(buf, 0, size);
	b.nlh = mnl_nlmsg_put_header(buf);
	b.nlh->nlmsg_type = type;
	b.nlh->nlmsg_flags = flags;
	b.nlh->nlmsg_seq = seq;
	return b;
}

/* Appends a family's fixed header, which libmnl would write past the end. */
void *ppiov_build_header(struct ppiov_build *b, size_t size)
{
	if (b->error)
		return NULL;
	if (b->size - b->nlh->nlmsg_len < MNL_ALIGN(size)) {
		b->error = -EMSGSIZE;
		return NULL;
	}
	return mnl_nlmsg_put_extra_header(b->nlh, size);
}

/* Begins a generic netlink message, as every netdev and ethtool request is. */
struct ppiov_build ppiov_build_genl(void *buf, size_t size, uint16_t family,
				    uint32_t seq, uint8_t cmd, uint16_t flags)
{
	struct ppiov_build b = ppiov_build_start(buf, size, family, flags, seq);
	struct genlmsghdr *genl = ppiov_build_header(&b, sizeof(*genl));

	if (genl) {
		genl->cmd = cmd;
		genl->version = 1;
	}
	return b;
}

/* Puts raw bytes: addresses, and the base of the typed puts below. */
void ppiov_build_put(struct ppiov_build *b, uint16_t type, const void *data,
		     size_t len)
{
	if (b->error)
		return;
	if (len > UINT16_MAX - MNL_ATTR_HDRLEN ||
	    !mnl_attr_put_check(b->nlh, b->size, type, len, data))
		b->error = -EMSGSIZE;
}

/* Puts a u8, the type of ethtool's tcp-data-split. */
void ppiov_build_u8(struct ppiov_build *b, uint16_t type, uint8_t value)
{
	ppiov_build_put(b, type, &value, sizeof(value));
}

/* Puts a u32, the width of most attributes here. */
void ppiov_build_u32(struct ppiov_build *b, uint16_t type, uint32_t value)
{
	ppiov_build_put(b, type, &value, sizeof(value));
}

/* Puts a netlink "uint": 4 bytes where the value fits, 8 otherwise. */
void ppiov_build_uint(struct ppiov_build *b, uint16_t type, uint64_t value)
{
	if (value <= UINT32_MAX)
		ppiov_build_u32(b, type, (uint32_t)value);
	else
		ppiov_build_put(b, type, &value, sizeof(value));
}

/* Puts a string with its terminator, as NLA_NUL_STRING requires. */
void ppiov_build_str(struct ppiov_build *b, uint16_t type, const char *value)
{
	ppiov_build_put(b, type, value, strlen(value) + 1);
}

/* Begins a nest, with the NLA_F_NESTED flag that strict validation requires. */
struct nlattr *ppiov_build_nest(struct ppiov_build *b, uint16_t type)
{
	struct nlattr *nest = NULL;

	if (b->error)
		return NULL;
	nest = mnl_attr_nest_start_check(b->nlh, b->size, type);
	if (!nest)
		b->error = -EMSGSIZE;
	return nest;
}

/* Ends a nest, whose length is known only now. */
void ppiov_build_nest_end(struct ppiov_build *b, struct nlattr *nest)
{
	if (!b->error)
		mnl_attr_nest_end(b->nlh, nest);
}

/* Returns the message's length, or the first error met while building it. */
int ppiov_build_end(struct ppiov_build *b)
{
	return b->error ? b->error : (int)b->nlh->nlmsg_len;
}

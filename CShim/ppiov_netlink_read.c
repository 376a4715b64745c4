// SPDX-License-Identifier: GPL-2.0
/* Bounded, alignment-free reading of netlink messages and attributes. */
#include "ppiov_netlink.h"
#include "ppiov_netlink_read.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>

/* Measures the message at the head of a datagram: its length is only a claim. */
int ppiov_parse_message(const void *buf, size_t len, struct ppiov_message *out)
{
	struct nlmsghdr nlh;
	size_t stride;

	memset(out, 0, sizeof(*out));
	if (!buf || len < sizeof(nlh))
		return -EBADMSG;
	memcpy(&nlh, buf, sizeof(nlh));
	if (nlh.nlmsg_len < sizeof(nlh) || nlh.nlmsg_len > len)
		return -EBADMSG;
	stride = ((size_t)nlh.nlmsg_len + 3) & ~(size_t)3;
	out->type = nlh.nlmsg_type;
	out->flags = nlh.nlmsg_flags;
	out->seq = nlh.nlmsg_seq;
	out->portid = nlh.nlmsg_pid;
	out->length = nlh.nlmsg_len;
	out->stride = (uint32_t)(stride > len ? len : stride);
	return 0;
}

/* Yields what follows the netlink header and a family's fixed header. */
int ppiov_read_payload(const void *buf, size_t len, size_t header,
		       struct ppiov_span *out)
{
	size_t skip = sizeof(struct nlmsghdr) + ((header + 3) & ~(size_t)3);
	struct ppiov_message message;
	int err = ppiov_parse_message(buf, len, &message);

	if (err)
		return err;
	if (message.length < skip)
		return -EBADMSG;
	out->at = (const uint8_t *)buf + skip;
	out->left = message.length - skip;
	return 0;
}

/* The same for generic netlink, whose message types below 16 are control. */
int ppiov_read_genl(const void *buf, size_t len, struct ppiov_span *out)
{
	struct ppiov_message message;
	int err = ppiov_parse_message(buf, len, &message);

	if (err)
		return err;
	if (message.type < NLMSG_MIN_TYPE)
		return -EBADMSG;
	return ppiov_read_payload(buf, len, sizeof(struct genlmsghdr), out);
}

/* Reads a message's generic netlink command: notifications differ by it alone. */
int ppiov_parse_command(const void *buf, size_t len)
{
	struct ppiov_span span;
	int err = ppiov_read_genl(buf, len, &span);

	return err ? err : ((const uint8_t *)buf)[sizeof(struct nlmsghdr)];
}

/* Takes the next attribute off a span: 1 taken, 0 at the end, or -EBADMSG. */
int ppiov_read_attr(struct ppiov_span *span, struct ppiov_attr *out)
{
	struct nlattr nla;
	size_t stride;

	if (!span->left)
		return 0;
	if (span->left < sizeof(nla))
		return -EBADMSG;
	memcpy(&nla, span->at, sizeof(nla));
	if (nla.nla_len < sizeof(nla) || nla.nla_len > span->left)
		return -EBADMSG;
	out->type = nla.nla_type & NLA_TYPE_MASK;
	out->payload.at = span->at + sizeof(nla);
	out->payload.left = nla.nla_len - sizeof(nla);
	stride = ((size_t)nla.nla_len + 3) & ~(size_t)3;
	if (stride > span->left)
		stride = span->left;
	span->at += stride;
	span->left -= stride;
	return 1;
}

/* Copies a payload whose size must be exact. */
static int read_exact(const struct ppiov_attr *attr, void *out, size_t size)
{
	if (attr->payload.left != size)
		return -EBADMSG;
	memcpy(out, attr->payload.at, size);
	return 0;
}

/* Reads a u8, as ethtool's tcp-data-split is. */
int ppiov_read_u8(const struct ppiov_attr *attr, uint8_t *out)
{
	return read_exact(attr, out, sizeof(*out));
}

/* Reads a u16, as a generic netlink family's number is. */
int ppiov_read_u16(const struct ppiov_attr *attr, uint16_t *out)
{
	return read_exact(attr, out, sizeof(*out));
}

/* Reads a u32, the width of most attributes. */
int ppiov_read_u32(const struct ppiov_attr *attr, uint32_t *out)
{
	return read_exact(attr, out, sizeof(*out));
}

/* Reads a u64, as the feature masks are. */
int ppiov_read_u64(const struct ppiov_attr *attr, uint64_t *out)
{
	return read_exact(attr, out, sizeof(*out));
}

/* Reads a netlink "uint", which the sender makes 4 or 8 bytes wide. */
int ppiov_read_uint(const struct ppiov_attr *attr, uint64_t *out)
{
	uint32_t narrow;
	int err;

	if (attr->payload.left != sizeof(narrow))
		return ppiov_read_u64(attr, out);
	err = ppiov_read_u32(attr, &narrow);
	*out = narrow;
	return err;
}

/* Copies a string that may lack its terminator, cutting what does not fit. */
int ppiov_read_text(const struct ppiov_attr *attr, char *out, size_t size)
{
	size_t length = attr->payload.left;

	if (length > size - 1)
		length = size - 1;
	memset(out, 0, size);
	memcpy(out, attr->payload.at, length);
	return 0;
}

/* Notes that an optional attribute was there, if reading it went well. */
int ppiov_read_flagged(int error, bool *has)
{
	*has = !error;
	return error;
}

/* Reads the attributes of an extended acknowledgement. */
static int read_ack_attrs(struct ppiov_span *span, struct ppiov_ack *out)
{
	struct ppiov_attr attr;
	int more, err = 0;

	while (!err && (more = ppiov_read_attr(span, &attr)) != 0) {
		if (more < 0)
			return more;
		switch (attr.type) {
		case NLMSGERR_ATTR_MSG:
			err = ppiov_read_flagged(
				ppiov_read_text(&attr, out->text,
						sizeof(out->text)),
				&out->has_text);
			break;
		case NLMSGERR_ATTR_OFFS:
			err = ppiov_read_flagged(
				ppiov_read_u32(&attr, &out->offset),
				&out->has_offset);
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			err = ppiov_read_flagged(
				ppiov_read_u32(&attr, &out->missing_type),
				&out->has_missing_type);
			break;
		}
	}
	return err;
}

/* Reads the kernel's verdict: the errno, and the reason an errno cannot carry. */
int ppiov_parse_ack(const void *buf, size_t len, struct ppiov_ack *out)
{
	struct ppiov_message message;
	struct ppiov_span span;
	size_t skip = sizeof(int32_t);
	struct nlmsghdr inner;
	int err;

	memset(out, 0, sizeof(*out));
	err = ppiov_parse_message(buf, len, &message);
	if (err)
		return err;
	if (message.type != NLMSG_ERROR && message.type != NLMSG_DONE)
		return -EBADMSG;
	err = ppiov_read_payload(buf, len, 0, &span);
	if (err)
		return err;
	if (message.type == NLMSG_DONE && !span.left)
		return 0;
	if (span.left < skip)
		return -EBADMSG;
	memcpy(&out->error, span.at, sizeof(out->error));
	if (out->error > 0 || out->error < -4095)
		return -EBADMSG;
	if (message.type == NLMSG_ERROR) {
		if (span.left < skip + sizeof(inner))
			return -EBADMSG;
		memcpy(&inner, span.at + skip, sizeof(inner));
		skip += sizeof(inner);
		if (!(message.flags & NLM_F_CAPPED)) {
			if (inner.nlmsg_len < sizeof(inner) ||
			    inner.nlmsg_len > span.left)
				return -EBADMSG;
			skip += ((inner.nlmsg_len + 3) & ~3u) - sizeof(inner);
		}
	}
	if (!(message.flags & NLM_F_ACK_TLVS))
		return 0;
	if (span.left < skip)
		return -EBADMSG;
	span.at += skip;
	span.left -= skip;
	return read_ack_attrs(&span, out);
}

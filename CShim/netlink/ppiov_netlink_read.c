// SPDX-License-Identifier: GPL-2.0
/* Reads netlink messages and attributes at any alignment, within bounds. */
#include "ppiov_netlink.h"
#include "ppiov_netlink_read.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>

/* Reads the header of a datagram's first message, and checks its length. */
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

/* Finds what follows the netlink header and a family's fixed header. */
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

/* Finds the attributes of a generic netlink message; types below 16 are control. */
static int genl_attributes(const void *buf, size_t len, struct ppiov_span *out)
{
	struct ppiov_message message;
	int err = ppiov_parse_message(buf, len, &message);

	if (err)
		return err;
	if (message.type < NLMSG_MIN_TYPE)
		return -EBADMSG;
	return ppiov_read_payload(buf, len, sizeof(struct genlmsghdr), out);
}

/* Returns a message's generic netlink command, by which notifications differ. */
int ppiov_parse_command(const void *buf, size_t len)
{
	struct ppiov_span span;
	int err = genl_attributes(buf, len, &span);

	return err ? err : ((const uint8_t *)buf)[sizeof(struct nlmsghdr)];
}

/* Takes the next attribute off a span: 1 taken, 0 at the end, or -EBADMSG. */
static int read_attr(struct ppiov_span *span, uint16_t *type,
		     struct ppiov_span *payload)
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
	*type = nla.nla_type & NLA_TYPE_MASK;
	payload->at = span->at + sizeof(nla);
	payload->left = nla.nla_len - sizeof(nla);
	stride = ((size_t)nla.nla_len + 3) & ~(size_t)3;
	if (stride > span->left)
		stride = span->left;
	span->at += stride;
	span->left -= stride;
	return 1;
}

/* Copies a payload whose size must be exact. */
static int read_exact(struct ppiov_span payload, void *out, size_t size)
{
	if (payload.left != size)
		return -EBADMSG;
	memcpy(out, payload.at, size);
	return 0;
}

/* Reads a netlink "uint", which the sender makes 4 or 8 bytes wide. */
static int read_uint(struct ppiov_span payload, void *out)
{
	uint64_t wide;
	uint32_t narrow;

	if (payload.left != sizeof(narrow))
		return read_exact(payload, out, sizeof(wide));
	memcpy(&narrow, payload.at, sizeof(narrow));
	wide = narrow;
	memcpy(out, &wide, sizeof(wide));
	return 0;
}

/* Copies a string that may lack its terminator, cutting what does not fit. */
static int read_text(struct ppiov_span payload, char *out, size_t size)
{
	size_t length = payload.left;

	if (length > size - 1)
		length = size - 1;
	memset(out, 0, size);
	memcpy(out, payload.at, length);
	return 0;
}

/* Reads one attribute's payload to its field. */
static int read_field(struct ppiov_span payload,
		      const struct ppiov_field *field, void *result)
{
	uint8_t *value = (uint8_t *)result + field->at;

	switch (field->kind) {
	case PPIOV_EXACT:
		return read_exact(payload, value, field->size);
	case PPIOV_UINT:
		return read_uint(payload, value);
	case PPIOV_TEXT:
		return read_text(payload, (char *)value, field->size);
	case PPIOV_NEST:
		return ppiov_read_fields(payload, field->nest, result);
	case PPIOV_CALL:
		return field->call(payload, result);
	default:
		return 0;
	}
}

/* Sets the flag of a field, if it has one. */
static void set_has(const struct ppiov_field *field, void *result)
{
	uint8_t *has = (uint8_t *)result + field->has;

	if (!field->has)
		return;
	if (field->bit)
		*(uint32_t *)(void *)has |= field->bit;
	else
		*(bool *)has = true;
}

/*
 * Reads the attributes of a span to a result, by a table.  Attributes that the
 * table does not have are skipped; of several of one type the last counts.
 */
int ppiov_read_fields(struct ppiov_span span, const struct ppiov_table *table,
		      void *result)
{
	struct ppiov_span payload;
	uint16_t type;
	int more;

	while ((more = read_attr(&span, &type, &payload)) > 0) {
		for (size_t i = 0; i < table->count; i++) {
			const struct ppiov_field *field = &table->fields[i];
			int err;

			if (field->type != type &&
			    field->type != PPIOV_ANY_TYPE)
				continue;
			err = read_field(payload, field, result);
			if (err)
				return err;
			set_has(field, result);
			break;
		}
	}
	return more;
}

/* Clears a result, and reads a generic netlink message into it. */
int ppiov_read_genl(const void *buf, size_t len,
		    const struct ppiov_table *table, void *result,
		    size_t result_size)
{
	struct ppiov_span span;
	int err;

	memset(result, 0, result_size);
	err = genl_attributes(buf, len, &span);
	return err ? err : ppiov_read_fields(span, table, result);
}

/* The attributes of an extended acknowledgement */
static const struct ppiov_field ack_fields[] = {
	PPIOV_OPTIONAL(PPIOV_TEXT, NLMSGERR_ATTR_MSG, struct ppiov_ack, text,
		       has_text),
	PPIOV_OPTIONAL(PPIOV_EXACT, NLMSGERR_ATTR_OFFS, struct ppiov_ack,
		       offset, has_offset),
	PPIOV_OPTIONAL(PPIOV_EXACT, NLMSGERR_ATTR_MISS_TYPE, struct ppiov_ack,
		       missing_type, has_missing_type),
};

static const struct ppiov_table ack_table = PPIOV_TABLE(ack_fields);

/* Reads the result of a request: its errno, and the extack attributes. */
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
	return ppiov_read_fields(span, &ack_table, out);
}

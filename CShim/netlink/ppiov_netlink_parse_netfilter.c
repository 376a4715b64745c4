// SPDX-License-Identifier: GPL-2.0
/* What nfnetlink hands to the reader of a queue or a log. */
#include "ppiov_netlink.h"
#include "ppiov_netlink_netfilter.h"
#include "ppiov_netlink_read.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <string.h>

static int read_id(struct ppiov_span payload, void *result)
{
	struct nfqnl_msg_packet_hdr header;
	struct ppiov_handed *out = result;

	if (payload.left != sizeof(header))
		return -EBADMSG;
	memcpy(&header, payload.at, sizeof(header));
	out->id = ntohl(header.packet_id);
	return 0;
}

static int read_bytes(struct ppiov_span payload, void *result)
{
	struct ppiov_handed *out = result;

	out->bytes = payload.at;
	out->count = (uint32_t)payload.left;
	return 0;
}

#define HANDED_CALL(type_, call_) \
	{ .type = type_, .kind = PPIOV_CALL, .call = call_ }

static const struct ppiov_field queued_fields[] = {
	HANDED_CALL(NFQA_PACKET_HDR, read_id),
	HANDED_CALL(NFQA_PAYLOAD, read_bytes),
	PPIOV_OPTIONAL(PPIOV_EXACT, NFQA_CAP_LEN, struct ppiov_handed, length,
		       has_length),
};

static const struct ppiov_field logged_fields[] = {
	HANDED_CALL(NFULA_PAYLOAD, read_bytes),
};

static const struct ppiov_table queued_table = PPIOV_TABLE(queued_fields);
static const struct ppiov_table logged_table = PPIOV_TABLE(logged_fields);

/*
 * Reads a packet of a queue or a log.  Of other messages only @present is set,
 * to false.  A log does not send the length of the packet.
 */
int ppiov_parse_handed(const void *buf, size_t len, struct ppiov_handed *out)
{
	const struct ppiov_table *table;
	struct ppiov_message message;
	struct ppiov_span span;
	int err;

	memset(out, 0, sizeof(*out));
	err = ppiov_parse_message(buf, len, &message);
	if (err)
		return err;
	if (message.type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		table = &queued_table;
	else if (message.type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
		table = &logged_table;
	else
		return 0;
	err = ppiov_read_payload(buf, len, sizeof(struct nfgenmsg), &span);
	if (!err)
		err = ppiov_read_fields(span, table, out);
	if (err)
		return err;
	out->present = true;
	out->length = out->has_length ? ntohl(out->length) : out->count;
	return 0;
}

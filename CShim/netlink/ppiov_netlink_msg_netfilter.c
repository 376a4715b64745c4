// SPDX-License-Identifier: GPL-2.0
/* Requests of nfnetlink: tables of nf_tables, queues and logs. */
#include "ppiov_netlink_netfilter.h"
#include "ppiov_netlink_build.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <string.h>

#define NF_TYPE(subsys, message) ((uint16_t)((subsys) << 8 | (message)))

/* Begins a message of nfnetlink: all contain struct nfgenmsg. */
static struct ppiov_build nf_start(void *buf, size_t size, uint16_t type,
				   uint16_t flags, uint32_t seq,
				   uint8_t family, uint16_t resource)
{
	struct ppiov_build b = ppiov_build_start(buf, size, type, flags, seq);
	struct nfgenmsg *nfg = ppiov_build_header(&b, sizeof(*nfg));

	if (nfg) {
		nfg->nfgen_family = family;
		nfg->version = NFNETLINK_V0;
		nfg->res_id = htons(resource);
	}
	return b;
}

/* nfnetlink has numbers in network order. */
static void put_be16(struct ppiov_build *b, uint16_t type, uint16_t value)
{
	value = htons(value);
	ppiov_build_put(b, type, &value, sizeof(value));
}

static void put_be32(struct ppiov_build *b, uint16_t type, uint32_t value)
{
	ppiov_build_u32(b, type, htonl(value));
}

/* Messages that the kernel commits together, in one buffer */
struct batch {
	uint8_t *at;
	size_t left;
	uint32_t seq;
	int length;		/* of what is complete, or -errno */
};

static struct ppiov_build batch_start(const struct batch *batch, uint16_t type,
				      uint16_t flags, uint8_t family,
				      uint16_t resource)
{
	return nf_start(batch->at, batch->left, type, NLM_F_REQUEST | flags,
			batch->seq, family, resource);
}

static void batch_add(struct batch *batch, struct ppiov_build *b)
{
	int length = ppiov_build_end(b);

	if (batch->length < 0)
		return;
	if (length < 0) {
		batch->length = length;
		return;
	}
	batch->at += length;
	batch->left -= (size_t)length;
	batch->length += length;
}

/* Begins or ends the batch. */
static void batch_mark(struct batch *batch, uint16_t type)
{
	struct ppiov_build b = batch_start(batch, type, 0, AF_UNSPEC,
					   NFNL_SUBSYS_NFTABLES);

	batch_add(batch, &b);
}

static struct ppiov_build nft_start(const struct batch *batch, uint16_t message,
				    uint16_t flags)
{
	return batch_start(batch, NF_TYPE(NFNL_SUBSYS_NFTABLES, message), flags,
			   NFPROTO_IPV4, 0);
}

/* An expression of a rule, begun; ended by expression_end() */
struct expression {
	struct nlattr *entry, *data;
};

static struct expression expression_start(struct ppiov_build *b,
					  const char *name)
{
	struct expression e;

	e.entry = ppiov_build_nest(b, NFTA_LIST_ELEM);
	ppiov_build_str(b, NFTA_EXPR_NAME, name);
	e.data = ppiov_build_nest(b, NFTA_EXPR_DATA);
	return e;
}

static void expression_end(struct ppiov_build *b, struct expression e)
{
	ppiov_build_nest_end(b, e.data);
	ppiov_build_nest_end(b, e.entry);
}

/* Puts a value of nf_tables: what a register is compared with or set to. */
static void put_value(struct ppiov_build *b, uint16_t type, const void *value,
		      size_t len)
{
	struct nlattr *data = ppiov_build_nest(b, type);

	ppiov_build_put(b, NFTA_DATA_VALUE, value, len);
	ppiov_build_nest_end(b, data);
}

/* Matches packets that were received on an interface. */
static void match_interface(struct ppiov_build *b, uint32_t ifindex)
{
	struct expression e = expression_start(b, "meta");

	put_be32(b, NFTA_META_KEY, NFT_META_IIF);
	put_be32(b, NFTA_META_DREG, NFT_REG_1);
	expression_end(b, e);

	e = expression_start(b, "cmp");
	put_be32(b, NFTA_CMP_SREG, NFT_REG_1);
	put_be32(b, NFTA_CMP_OP, NFT_CMP_EQ);
	put_value(b, NFTA_CMP_DATA, &ifindex, sizeof(ifindex));
	expression_end(b, e);
}

static void put_drop(struct ppiov_build *b)
{
	struct expression e = expression_start(b, "immediate");
	struct nlattr *data, *verdict;

	put_be32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = ppiov_build_nest(b, NFTA_IMMEDIATE_DATA);
	verdict = ppiov_build_nest(b, NFTA_DATA_VERDICT);
	put_be32(b, NFTA_VERDICT_CODE, NF_DROP);
	ppiov_build_nest_end(b, verdict);
	ppiov_build_nest_end(b, data);
	expression_end(b, e);
}

/* Writes two bytes of the IPv4 header, and updates its checksum. */
static void put_write(struct ppiov_build *b, const struct ppiov_nft_rule *rule)
{
	struct expression e = expression_start(b, "immediate");

	put_be32(b, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	put_value(b, NFTA_IMMEDIATE_DATA, rule->value, sizeof(rule->value));
	expression_end(b, e);

	e = expression_start(b, "payload");
	put_be32(b, NFTA_PAYLOAD_SREG, NFT_REG_1);
	put_be32(b, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	put_be32(b, NFTA_PAYLOAD_OFFSET, rule->offset);
	put_be32(b, NFTA_PAYLOAD_LEN, sizeof(rule->value));
	put_be32(b, NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
	put_be32(b, NFTA_PAYLOAD_CSUM_OFFSET, 10);
	expression_end(b, e);
}

static void put_number(struct ppiov_build *b, const char *name, uint16_t type,
		       uint16_t number)
{
	struct expression e = expression_start(b, name);

	put_be16(b, type, number);
	expression_end(b, e);
}

static void put_rule(struct ppiov_build *b, const struct ppiov_nft_rule *rule)
{
	match_interface(b, rule->ifindex);
	switch (rule->kind) {
	case PPIOV_NFT_QUEUE:
		put_number(b, "queue", NFTA_QUEUE_NUM, rule->number);
		break;
	case PPIOV_NFT_LOG:
		put_number(b, "log", NFTA_LOG_GROUP, rule->number);
		break;
	case PPIOV_NFT_DROP:
		put_drop(b);
		break;
	case PPIOV_NFT_WRITE:
		put_write(b, rule);
		break;
	}
}

/*
 * Adds a table that the socket owns, with a chain at the hook for packets to
 * local sockets and one rule: several messages, of which the last but one is
 * acknowledged.  The kernel deletes the table when the socket is closed.
 */
int ppiov_msg_nft_table(void *buf, size_t size, uint32_t seq, const char *name,
			const struct ppiov_nft_rule *rule)
{
	struct batch batch = { .at = buf, .left = size, .seq = seq };
	struct nlattr *nest;
	struct ppiov_build b;

	batch_mark(&batch, NFNL_MSG_BATCH_BEGIN);

	b = nft_start(&batch, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	ppiov_build_str(&b, NFTA_TABLE_NAME, name);
	put_be32(&b, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	batch_add(&batch, &b);

	b = nft_start(&batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	ppiov_build_str(&b, NFTA_CHAIN_TABLE, name);
	ppiov_build_str(&b, NFTA_CHAIN_NAME, "input");
	nest = ppiov_build_nest(&b, NFTA_CHAIN_HOOK);
	put_be32(&b, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_IN);
	put_be32(&b, NFTA_HOOK_PRIORITY, 0);
	ppiov_build_nest_end(&b, nest);
	ppiov_build_str(&b, NFTA_CHAIN_TYPE, "filter");
	batch_add(&batch, &b);

	b = nft_start(&batch, NFT_MSG_NEWRULE,
		      NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND);
	ppiov_build_str(&b, NFTA_RULE_TABLE, name);
	ppiov_build_str(&b, NFTA_RULE_CHAIN, "input");
	nest = ppiov_build_nest(&b, NFTA_RULE_EXPRESSIONS);
	put_rule(&b, rule);
	ppiov_build_nest_end(&b, nest);
	batch_add(&batch, &b);

	batch_mark(&batch, NFNL_MSG_BATCH_END);
	return batch.length;
}

/*
 * Makes the socket the reader of a queue, with as much of each packet as there
 * is.  With @segments it also takes packets that are to be segmented, and those
 * whose checksum is left to a device; otherwise the kernel segments them before.
 */
int ppiov_msg_queue_bind(void *buf, size_t size, uint32_t seq, uint16_t queue,
			 bool segments)
{
	struct nfqnl_msg_config_cmd cmd = { .command = NFQNL_CFG_CMD_BIND };
	struct nfqnl_msg_config_params params = {
		.copy_range = htonl(0xffff),
		.copy_mode = NFQNL_COPY_PACKET,
	};
	struct ppiov_build b = nf_start(buf, size,
					NF_TYPE(NFNL_SUBSYS_QUEUE,
						NFQNL_MSG_CONFIG),
					PPIOV_DO, seq, AF_UNSPEC, queue);

	ppiov_build_put(&b, NFQA_CFG_CMD, &cmd, sizeof(cmd));
	ppiov_build_put(&b, NFQA_CFG_PARAMS, &params, sizeof(params));
	put_be32(&b, NFQA_CFG_FLAGS, segments ? NFQA_CFG_F_GSO : 0);
	put_be32(&b, NFQA_CFG_MASK, NFQA_CFG_F_GSO);
	return ppiov_build_end(&b);
}

/* Accepts a packet of a queue; it is not acknowledged. */
int ppiov_msg_queue_accept(void *buf, size_t size, uint32_t seq,
			   uint16_t queue, uint32_t id)
{
	struct nfqnl_msg_verdict_hdr verdict = {
		.verdict = htonl(NF_ACCEPT),
		.id = htonl(id),
	};
	struct ppiov_build b = nf_start(buf, size,
					NF_TYPE(NFNL_SUBSYS_QUEUE,
						NFQNL_MSG_VERDICT),
					NLM_F_REQUEST, seq, AF_UNSPEC, queue);

	ppiov_build_put(&b, NFQA_VERDICT_HDR, &verdict, sizeof(verdict));
	return ppiov_build_end(&b);
}

/* Makes the socket the reader of a log group; each packet is sent at once. */
int ppiov_msg_log_bind(void *buf, size_t size, uint32_t seq, uint16_t group)
{
	struct nfulnl_msg_config_cmd cmd = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = {
		.copy_range = htonl(0xffff),
		.copy_mode = NFULNL_COPY_PACKET,
	};
	struct ppiov_build b = nf_start(buf, size,
					NF_TYPE(NFNL_SUBSYS_ULOG,
						NFULNL_MSG_CONFIG),
					PPIOV_DO, seq, AF_UNSPEC, group);

	ppiov_build_put(&b, NFULA_CFG_CMD, &cmd, sizeof(cmd));
	ppiov_build_put(&b, NFULA_CFG_MODE, &mode, sizeof(mode));
	put_be32(&b, NFULA_CFG_QTHRESH, 1);
	return ppiov_build_end(&b);
}

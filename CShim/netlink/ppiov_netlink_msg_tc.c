// SPDX-License-Identifier: GPL-2.0
/* Requests of rtnetlink: the qdisc clsact, and its filters at ingress. */
#include "ppiov_netlink_tc.h"
#include "ppiov_netlink_build.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_csum.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_pedit.h>
#include <string.h>

/* Begins a request about a qdisc or a filter: all contain struct tcmsg. */
static struct ppiov_build tc_start(void *buf, size_t size, uint16_t type,
				   uint16_t flags, uint32_t seq,
				   uint32_t ifindex, uint32_t handle,
				   uint32_t parent, uint32_t info)
{
	struct ppiov_build b = ppiov_build_start(buf, size, type, flags, seq);
	struct tcmsg *tcm = ppiov_build_header(&b, sizeof(*tcm));

	if (tcm) {
		tcm->tcm_ifindex = (int)ifindex;
		tcm->tcm_handle = handle;
		tcm->tcm_parent = parent;
		tcm->tcm_info = info;
	}
	return b;
}

/* Adds the qdisc clsact, whose filters see what an interface receives. */
int ppiov_msg_clsact_add(void *buf, size_t size, uint32_t seq,
			 uint32_t ifindex)
{
	struct ppiov_build b = tc_start(buf, size, RTM_NEWQDISC,
					PPIOV_DO | NLM_F_CREATE | NLM_F_EXCL,
					seq, ifindex,
					TC_H_MAKE(TC_H_CLSACT, 0),
					TC_H_CLSACT, 0);

	ppiov_build_str(&b, TCA_KIND, "clsact");
	return ppiov_build_end(&b);
}

/* Deletes the qdisc clsact with all its filters. */
int ppiov_msg_clsact_delete(void *buf, size_t size, uint32_t seq,
			    uint32_t ifindex)
{
	struct ppiov_build b = tc_start(buf, size, RTM_DELQDISC, PPIOV_DO, seq,
					ifindex, TC_H_MAKE(TC_H_CLSACT, 0),
					TC_H_CLSACT, 0);

	return ppiov_build_end(&b);
}

static void put_pedit(struct ppiov_build *b,
		      const struct ppiov_tc_action *action, int control)
{
	struct tc_pedit_sel sel = { .action = control, .nkeys = 1 };
	struct tc_pedit_key key = { .off = action->offset };
	uint8_t parms[sizeof(sel) + sizeof(key)];

	memcpy(&key.mask, action->keep, sizeof(action->keep));
	memcpy(&key.val, action->value, sizeof(action->value));
	memcpy(parms, &sel, sizeof(sel));
	memcpy(parms + sizeof(sel), &key, sizeof(key));
	ppiov_build_put(b, TCA_PEDIT_PARMS, parms, sizeof(parms));
}

static void put_csum(struct ppiov_build *b, int control)
{
	struct tc_csum parm = {
		.action = control,
		.update_flags = TCA_CSUM_UPDATE_FLAG_IPV4HDR,
	};

	ppiov_build_put(b, TCA_CSUM_PARMS, &parm, sizeof(parm));
}

static void put_mirred(struct ppiov_build *b, uint32_t ifindex, int eaction,
		       int control)
{
	struct tc_mirred parm = {
		.action = control,
		.eaction = eaction,
		.ifindex = ifindex,
	};

	ppiov_build_put(b, TCA_MIRRED_PARMS, &parm, sizeof(parm));
}

/* The names of the kinds, which TCA_ACT_KIND has */
static const char *const kinds[] = {
	[PPIOV_TC_PEDIT] = "pedit",
	[PPIOV_TC_CSUM_IPV4] = "csum",
	[PPIOV_TC_MIRROR] = "mirred",
	[PPIOV_TC_REDIRECT] = "mirred",
};

/* Puts one action; @control is what follows it. */
static void put_action(struct ppiov_build *b,
		       const struct ppiov_tc_action *action, int control)
{
	struct nlattr *options;

	ppiov_build_str(b, TCA_ACT_KIND, kinds[action->kind]);
	options = ppiov_build_nest(b, TCA_ACT_OPTIONS);
	switch (action->kind) {
	case PPIOV_TC_PEDIT:
		put_pedit(b, action, control);
		break;
	case PPIOV_TC_CSUM_IPV4:
		put_csum(b, control);
		break;
	case PPIOV_TC_MIRROR:
		put_mirred(b, action->ifindex, TCA_EGRESS_MIRROR, control);
		break;
	case PPIOV_TC_REDIRECT:
		put_mirred(b, action->ifindex, TCA_INGRESS_REDIR, TC_ACT_STOLEN);
		break;
	}
	ppiov_build_nest_end(b, options);
}

/*
 * Adds a filter that matches every IPv4 packet at ingress, and does the actions
 * one after the other.  The packet then continues to the socket.
 */
int ppiov_msg_ingress_add(void *buf, size_t size, uint32_t seq,
			  uint32_t ifindex,
			  const struct ppiov_tc_action *actions, size_t count)
{
	struct ppiov_build b = tc_start(buf, size, RTM_NEWTFILTER,
					PPIOV_DO | NLM_F_CREATE | NLM_F_EXCL,
					seq, ifindex, 0,
					TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
					TC_H_MAKE(1u << 16, htons(ETH_P_IP)));
	struct nlattr *options, *list, *entry;

	if (!count || count > TCA_ACT_MAX_PRIO)
		return -EINVAL;
	ppiov_build_str(&b, TCA_KIND, "matchall");
	options = ppiov_build_nest(&b, TCA_OPTIONS);
	list = ppiov_build_nest(&b, TCA_MATCHALL_ACT);
	for (size_t i = 0; i < count; i++) {
		if (actions[i].kind > PPIOV_TC_REDIRECT)
			return -EINVAL;
		entry = ppiov_build_nest(&b, (uint16_t)(i + 1));
		put_action(&b, &actions[i],
			   i + 1 < count ? TC_ACT_PIPE : TC_ACT_OK);
		ppiov_build_nest_end(&b, entry);
	}
	ppiov_build_nest_end(&b, list);
	ppiov_build_nest_end(&b, options);
	return ppiov_build_end(&b);
}

/* Requests action number INT32_MAX of a kind: -ENOENT where the kernel has it. */
int ppiov_msg_action_get(void *buf, size_t size, uint32_t seq,
			 const char *kind)
{
	struct ppiov_build b = ppiov_build_start(buf, size, RTM_GETACTION,
						 PPIOV_DO, seq);
	struct nlattr *table, *entry;

	ppiov_build_header(&b, sizeof(struct tcamsg));
	table = ppiov_build_nest(&b, TCA_ACT_TAB);
	entry = ppiov_build_nest(&b, 1);
	ppiov_build_str(&b, TCA_ACT_KIND, kind);
	ppiov_build_u32(&b, TCA_ACT_INDEX, INT32_MAX);
	ppiov_build_nest_end(&b, entry);
	ppiov_build_nest_end(&b, table);
	return ppiov_build_end(&b);
}

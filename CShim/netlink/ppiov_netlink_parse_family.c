// SPDX-License-Identifier: GPL-2.0
/* Replies of the generic netlink family nlctrl. */
#include "ppiov_netlink.h"
#include "ppiov_netlink_read.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>

static const struct ppiov_field group_fields[] = {
	PPIOV_FIELD(PPIOV_TEXT, CTRL_ATTR_MCAST_GRP_NAME, struct ppiov_group,
		    name),
	PPIOV_FIELD(PPIOV_EXACT, CTRL_ATTR_MCAST_GRP_ID, struct ppiov_group,
		    id),
};

static const struct ppiov_table group_table = PPIOV_TABLE(group_fields);

/* Reads one multicast group; those after the first PPIOV_GROUPS_MAX are skipped. */
static int read_group(struct ppiov_span payload, void *result)
{
	struct ppiov_family *family = result;
	struct ppiov_group *group;
	int err;

	if (family->group_count == PPIOV_GROUPS_MAX)
		return 0;
	group = &family->groups[family->group_count];
	err = ppiov_read_fields(payload, &group_table, group);
	if (err)
		return err;
	if (!group->id)
		return -EBADMSG;
	family->group_count++;
	return 0;
}

/* The types in the list of groups are indices. */
static const struct ppiov_field groups_fields[] = {
	{ .type = PPIOV_ANY_TYPE, .kind = PPIOV_CALL, .call = read_group },
};

static const struct ppiov_table groups_table = PPIOV_TABLE(groups_fields);

static const struct ppiov_field family_fields[] = {
	PPIOV_FIELD(PPIOV_EXACT, CTRL_ATTR_FAMILY_ID, struct ppiov_family, id),
	{ .type = CTRL_ATTR_MCAST_GROUPS, .kind = PPIOV_NEST,
	  .nest = &groups_table },
};

static const struct ppiov_table family_table = PPIOV_TABLE(family_fields);

/* Reads a family's number and groups. */
int ppiov_parse_family(const void *buf, size_t len, struct ppiov_family *out)
{
	int err = ppiov_read_genl(buf, len, &family_table, out, sizeof(*out));

	return err ? err : out->id >= NLMSG_MIN_TYPE ? 0 : -EBADMSG;
}

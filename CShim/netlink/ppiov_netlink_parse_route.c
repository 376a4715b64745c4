// SPDX-License-Identifier: GPL-2.0
/* Replies of rtnetlink. */
#include "ppiov_netlink.h"
#include "ppiov_netlink_read.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

static const struct ppiov_field link_fields[] = {
	PPIOV_FIELD(PPIOV_TEXT, IFLA_IFNAME, struct ppiov_link, name),
	PPIOV_FIELD(PPIOV_EXACT, IFLA_MTU, struct ppiov_link, mtu),
};

static const struct ppiov_table link_table = PPIOV_TABLE(link_fields);

/* Reads a link's index, name, flags and MTU. */
int ppiov_parse_link(const void *buf, size_t len, struct ppiov_link *out)
{
	struct ppiov_message message;
	struct ppiov_span span;
	struct ifinfomsg ifi;
	int err;

	memset(out, 0, sizeof(*out));
	err = ppiov_parse_message(buf, len, &message);
	if (!err && message.type != RTM_NEWLINK)
		err = -EBADMSG;
	if (!err)
		err = ppiov_read_payload(buf, len, sizeof(ifi), &span);
	if (err)
		return err;
	memcpy(&ifi, (const uint8_t *)buf + sizeof(struct nlmsghdr),
	       sizeof(ifi));
	if (ifi.ifi_index <= 0)
		return -EBADMSG;
	out->ifindex = (uint32_t)ifi.ifi_index;
	out->flags = ifi.ifi_flags;
	return ppiov_read_fields(span, &link_table, out);
}

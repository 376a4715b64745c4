// SPDX-License-Identifier: GPL-2.0
/* Replies of the families nlctrl and ethtool, and of rtnetlink. */
#include "ppiov_netlink.h"
#include "ppiov_netlink_read.h"
#include "ppiov_uapi.h"

#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* Reads one multicast group of a family. */
static int read_group(struct ppiov_span span, struct ppiov_group *out)
{
	struct ppiov_attr attr;
	int more, err = 0;

	memset(out, 0, sizeof(*out));
	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		if (attr.type == CTRL_ATTR_MCAST_GRP_NAME)
			err = ppiov_read_text(&attr, out->name,
					      sizeof(out->name));
		else if (attr.type == CTRL_ATTR_MCAST_GRP_ID)
			err = ppiov_read_u32(&attr, &out->id);
	}
	return err ? err : out->id ? 0 : -EBADMSG;
}

/* Reads a family's groups; those beyond our room are left out. */
static int read_groups(struct ppiov_span span, struct ppiov_family *out)
{
	struct ppiov_attr attr;
	int more, err = 0;

	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		if (out->group_count == PPIOV_GROUPS_MAX)
			break;
		err = read_group(attr.payload,
				 &out->groups[out->group_count]);
		if (!err)
			out->group_count++;
	}
	return err;
}

/* Reads a family's number and groups out of nlctrl's answer. */
int ppiov_parse_family(const void *buf, size_t len, struct ppiov_family *out)
{
	struct ppiov_span span;
	struct ppiov_attr attr;
	int more, err;

	memset(out, 0, sizeof(*out));
	err = ppiov_read_genl(buf, len, &span);
	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		if (attr.type == CTRL_ATTR_FAMILY_ID)
			err = ppiov_read_u16(&attr, &out->id);
		else if (attr.type == CTRL_ATTR_MCAST_GROUPS)
			err = read_groups(attr.payload, out);
	}
	return err ? err : out->id >= NLMSG_MIN_TYPE ? 0 : -EBADMSG;
}

/* Reads the device that an ethtool reply speaks of. */
static int read_ethtool_header(struct ppiov_span span, uint32_t *ifindex)
{
	struct ppiov_attr attr;
	int more, err = 0;

	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		if (attr.type == PPIOV_ETHTOOL_A_HEADER_DEV_INDEX)
			err = ppiov_read_u32(&attr, ifindex);
	}
	return err;
}

/* Where an ethtool reply's u32 attribute goes, and the bit that says it came. */
struct slot {
	uint16_t type;
	uint32_t bit;
	uint32_t *value;
};

/* Reads a u32 attribute into its slot, if it has one. */
static int read_slot(const struct ppiov_attr *attr, const struct slot *slots,
		     size_t count, uint32_t *has)
{
	for (size_t i = 0; i < count; i++) {
		if (slots[i].type != attr->type)
			continue;
		*has |= slots[i].bit;
		return ppiov_read_u32(attr, slots[i].value);
	}
	return 0;
}

/* Reads ring sizes and the header split that providers ask for. */
int ppiov_parse_rings(const void *buf, size_t len, struct ppiov_rings *out)
{
	const struct slot slots[] = {
		{ PPIOV_ETHTOOL_A_RINGS_RX_MAX, PPIOV_RINGS_RX_MAX,
		  &out->rx_max },
		{ PPIOV_ETHTOOL_A_RINGS_TX_MAX, PPIOV_RINGS_TX_MAX,
		  &out->tx_max },
		{ PPIOV_ETHTOOL_A_RINGS_RX, PPIOV_RINGS_RX, &out->rx },
		{ PPIOV_ETHTOOL_A_RINGS_TX, PPIOV_RINGS_TX, &out->tx },
		{ PPIOV_ETHTOOL_A_RINGS_RX_BUF_LEN, PPIOV_RINGS_RX_BUF_LEN,
		  &out->rx_buf_len },
		{ PPIOV_ETHTOOL_A_RINGS_HDS_THRESH, PPIOV_RINGS_HDS_THRESH,
		  &out->hds_thresh },
		{ PPIOV_ETHTOOL_A_RINGS_HDS_THRESH_MAX,
		  PPIOV_RINGS_HDS_THRESH_MAX, &out->hds_thresh_max },
	};
	struct ppiov_span span;
	struct ppiov_attr attr;
	int more, err;

	memset(out, 0, sizeof(*out));
	err = ppiov_read_genl(buf, len, &span);
	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		if (attr.type == PPIOV_ETHTOOL_A_RINGS_HEADER) {
			err = read_ethtool_header(attr.payload, &out->ifindex);
		} else if (attr.type == PPIOV_ETHTOOL_A_RINGS_TCP_DATA_SPLIT) {
			out->has |= PPIOV_RINGS_TCP_DATA_SPLIT;
			err = ppiov_read_u8(&attr, &out->tcp_data_split);
		} else {
			err = read_slot(&attr, slots,
					sizeof(slots) / sizeof(slots[0]),
					&out->has);
		}
	}
	return err ? err : out->ifindex ? 0 : -EBADMSG;
}

/* Reads channel counts. */
int ppiov_parse_channels(const void *buf, size_t len,
			 struct ppiov_channels *out)
{
	const struct slot slots[] = {
		{ PPIOV_ETHTOOL_A_CHANNELS_RX_MAX, PPIOV_CHANNELS_RX_MAX,
		  &out->rx_max },
		{ PPIOV_ETHTOOL_A_CHANNELS_TX_MAX, PPIOV_CHANNELS_TX_MAX,
		  &out->tx_max },
		{ PPIOV_ETHTOOL_A_CHANNELS_COMBINED_MAX,
		  PPIOV_CHANNELS_COMBINED_MAX, &out->combined_max },
		{ PPIOV_ETHTOOL_A_CHANNELS_RX_COUNT, PPIOV_CHANNELS_RX,
		  &out->rx },
		{ PPIOV_ETHTOOL_A_CHANNELS_TX_COUNT, PPIOV_CHANNELS_TX,
		  &out->tx },
		{ PPIOV_ETHTOOL_A_CHANNELS_COMBINED_COUNT,
		  PPIOV_CHANNELS_COMBINED, &out->combined },
	};
	struct ppiov_span span;
	struct ppiov_attr attr;
	int more, err;

	memset(out, 0, sizeof(*out));
	err = ppiov_read_genl(buf, len, &span);
	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		if (attr.type == PPIOV_ETHTOOL_A_CHANNELS_HEADER)
			err = read_ethtool_header(attr.payload, &out->ifindex);
		else
			err = read_slot(&attr, slots,
					sizeof(slots) / sizeof(slots[0]),
					&out->has);
	}
	return err ? err : out->ifindex ? 0 : -EBADMSG;
}

/* Reads a link's index, name, flags and MTU. */
int ppiov_parse_link(const void *buf, size_t len, struct ppiov_link *out)
{
	struct ppiov_message message;
	struct ifinfomsg ifi;
	struct ppiov_span span;
	struct ppiov_attr attr;
	int more, err;

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
	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		if (attr.type == IFLA_IFNAME)
			err = ppiov_read_text(&attr, out->name,
					      sizeof(out->name));
		else if (attr.type == IFLA_MTU)
			err = ppiov_read_u32(&attr, &out->mtu);
	}
	return err;
}

// SPDX-License-Identifier: GPL-2.0
/* Replies of the generic netlink family ethtool. */
#include "ppiov_netlink.h"
#include "ppiov_netlink_read.h"
#include "ppiov_uapi.h"

/* In a table offset 0 means no flag. */
_Static_assert(offsetof(struct ppiov_rings, has) > 0, "has is at offset 0");
_Static_assert(offsetof(struct ppiov_channels, has) > 0, "has is at offset 0");

static const struct ppiov_field rings_header_fields[] = {
	PPIOV_FIELD(PPIOV_EXACT, PPIOV_ETHTOOL_A_HEADER_DEV_INDEX,
		    struct ppiov_rings, ifindex),
};

static const struct ppiov_table rings_header_table =
	PPIOV_TABLE(rings_header_fields);

#define RINGS(attr, member)						\
	PPIOV_MASKED(PPIOV_ETHTOOL_A_RINGS_##attr, struct ppiov_rings,	\
		     member, PPIOV_RINGS_##attr)

static const struct ppiov_field rings_fields[] = {
	{ .type = PPIOV_ETHTOOL_A_RINGS_HEADER, .kind = PPIOV_NEST,
	  .nest = &rings_header_table },
	RINGS(RX_MAX, rx_max),
	RINGS(TX_MAX, tx_max),
	RINGS(RX, rx),
	RINGS(TX, tx),
	RINGS(RX_BUF_LEN, rx_buf_len),
	RINGS(TCP_DATA_SPLIT, tcp_data_split),
	RINGS(HDS_THRESH, hds_thresh),
	RINGS(HDS_THRESH_MAX, hds_thresh_max),
};

static const struct ppiov_table rings_table = PPIOV_TABLE(rings_fields);

/* Reads ring sizes, tcp-data-split and hds-thresh. */
int ppiov_parse_rings(const void *buf, size_t len, struct ppiov_rings *out)
{
	int err = ppiov_read_genl(buf, len, &rings_table, out, sizeof(*out));

	return err ? err : out->ifindex ? 0 : -EBADMSG;
}

static const struct ppiov_field channels_header_fields[] = {
	PPIOV_FIELD(PPIOV_EXACT, PPIOV_ETHTOOL_A_HEADER_DEV_INDEX,
		    struct ppiov_channels, ifindex),
};

static const struct ppiov_table channels_header_table =
	PPIOV_TABLE(channels_header_fields);

#define CHANNELS(attr, member, bit)					\
	PPIOV_MASKED(PPIOV_ETHTOOL_A_CHANNELS_##attr,			\
		     struct ppiov_channels, member, PPIOV_CHANNELS_##bit)

static const struct ppiov_field channels_fields[] = {
	{ .type = PPIOV_ETHTOOL_A_CHANNELS_HEADER, .kind = PPIOV_NEST,
	  .nest = &channels_header_table },
	CHANNELS(RX_MAX, rx_max, RX_MAX),
	CHANNELS(TX_MAX, tx_max, TX_MAX),
	CHANNELS(COMBINED_MAX, combined_max, COMBINED_MAX),
	CHANNELS(RX_COUNT, rx, RX),
	CHANNELS(TX_COUNT, tx, TX),
	CHANNELS(COMBINED_COUNT, combined, COMBINED),
};

static const struct ppiov_table channels_table = PPIOV_TABLE(channels_fields);

/* Reads channel counts. */
int ppiov_parse_channels(const void *buf, size_t len,
			 struct ppiov_channels *out)
{
	int err = ppiov_read_genl(buf, len, &channels_table, out, sizeof(*out));

	return err ? err : out->ifindex ? 0 : -EBADMSG;
}

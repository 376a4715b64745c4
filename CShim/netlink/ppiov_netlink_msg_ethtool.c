// SPDX-License-Identifier: GPL-2.0
/* Requests of the generic netlink family ethtool. */
#include "ppiov_netlink.h"
#include "ppiov_netlink_build.h"
#include "ppiov_uapi.h"

/* Begins an ethtool request: all of them name the device in a nested header. */
static struct ppiov_build ethtool_start(void *buf, size_t size, uint16_t family,
					uint32_t seq, uint8_t cmd,
					uint16_t header, uint32_t ifindex)
{
	struct ppiov_build b = ppiov_build_genl(buf, size, family, seq, cmd,
						PPIOV_DO);
	struct nlattr *nest = ppiov_build_nest(&b, header);

	ppiov_build_u32(&b, PPIOV_ETHTOOL_A_HEADER_DEV_INDEX, ifindex);
	ppiov_build_nest_end(&b, nest);
	return b;
}

/* Requests ring sizes, tcp-data-split and hds-thresh. */
int ppiov_msg_rings_get(void *buf, size_t size, uint16_t family, uint32_t seq,
			uint32_t ifindex)
{
	struct ppiov_build b = ethtool_start(buf, size, family, seq,
					     PPIOV_ETHTOOL_MSG_RINGS_GET,
					     PPIOV_ETHTOOL_A_RINGS_HEADER,
					     ifindex);

	return ppiov_build_end(&b);
}

/* Sets the fields that @settings->has names.  Providers require tcp-data-split. */
int ppiov_msg_rings_set(void *buf, size_t size, uint16_t family, uint32_t seq,
			uint32_t ifindex, const struct ppiov_rings *settings)
{
	struct ppiov_build b = ethtool_start(buf, size, family, seq,
					     PPIOV_ETHTOOL_MSG_RINGS_SET,
					     PPIOV_ETHTOOL_A_RINGS_HEADER,
					     ifindex);

	if (settings->has & PPIOV_RINGS_RX)
		ppiov_build_u32(&b, PPIOV_ETHTOOL_A_RINGS_RX, settings->rx);
	if (settings->has & PPIOV_RINGS_TX)
		ppiov_build_u32(&b, PPIOV_ETHTOOL_A_RINGS_TX, settings->tx);
	if (settings->has & PPIOV_RINGS_RX_BUF_LEN)
		ppiov_build_u32(&b, PPIOV_ETHTOOL_A_RINGS_RX_BUF_LEN,
				settings->rx_buf_len);
	if (settings->has & PPIOV_RINGS_TCP_DATA_SPLIT)
		ppiov_build_u8(&b, PPIOV_ETHTOOL_A_RINGS_TCP_DATA_SPLIT,
			       settings->tcp_data_split);
	if (settings->has & PPIOV_RINGS_HDS_THRESH)
		ppiov_build_u32(&b, PPIOV_ETHTOOL_A_RINGS_HDS_THRESH,
				settings->hds_thresh);
	return ppiov_build_end(&b);
}

/* Requests channel counts. */
int ppiov_msg_channels_get(void *buf, size_t size, uint16_t family,
			   uint32_t seq, uint32_t ifindex)
{
	struct ppiov_build b = ethtool_start(buf, size, family, seq,
					     PPIOV_ETHTOOL_MSG_CHANNELS_GET,
					     PPIOV_ETHTOOL_A_CHANNELS_HEADER,
					     ifindex);

	return ppiov_build_end(&b);
}

/* Sets the counts that @settings->has names. */
int ppiov_msg_channels_set(void *buf, size_t size, uint16_t family,
			   uint32_t seq, uint32_t ifindex,
			   const struct ppiov_channels *settings)
{
	struct ppiov_build b = ethtool_start(buf, size, family, seq,
					     PPIOV_ETHTOOL_MSG_CHANNELS_SET,
					     PPIOV_ETHTOOL_A_CHANNELS_HEADER,
					     ifindex);

	if (settings->has & PPIOV_CHANNELS_RX)
		ppiov_build_u32(&b, PPIOV_ETHTOOL_A_CHANNELS_RX_COUNT,
				settings->rx);
	if (settings->has & PPIOV_CHANNELS_TX)
		ppiov_build_u32(&b, PPIOV_ETHTOOL_A_CHANNELS_TX_COUNT,
				settings->tx);
	if (settings->has & PPIOV_CHANNELS_COMBINED)
		ppiov_build_u32(&b, PPIOV_ETHTOOL_A_CHANNELS_COMBINED_COUNT,
				settings->combined);
	return ppiov_build_end(&b);
}

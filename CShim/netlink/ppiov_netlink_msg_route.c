// SPDX-License-Identifier: GPL-2.0
/* Requests of rtnetlink: links and addresses. */
#include "ppiov_netlink.h"
#include "ppiov_netlink_build.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

/* Begins a link request: all of them contain struct ifinfomsg. */
static struct ppiov_build link_start(void *buf, size_t size, uint16_t type,
				     uint16_t flags, uint32_t seq,
				     uint32_t ifindex, uint32_t iff,
				     uint32_t change)
{
	struct ppiov_build b = ppiov_build_start(buf, size, type, flags, seq);
	struct ifinfomsg *ifi = ppiov_build_header(&b, sizeof(*ifi));

	if (ifi) {
		ifi->ifi_index = (int)ifindex;
		ifi->ifi_flags = iff;
		ifi->ifi_change = change;
	}
	return b;
}

/* Requests one link by name. */
int ppiov_msg_link_get(void *buf, size_t size, uint32_t seq, const char *name)
{
	struct ppiov_build b = link_start(buf, size, RTM_GETLINK, PPIOV_DO, seq,
					  0, 0, 0);

	if (strlen(name) >= PPIOV_NAME_MAX)
		return -EINVAL;
	ppiov_build_str(&b, IFLA_IFNAME, name);
	return ppiov_build_end(&b);
}

/* Requests every link of the socket's network namespace. */
int ppiov_msg_link_dump(void *buf, size_t size, uint32_t seq)
{
	struct ppiov_build b = link_start(buf, size, RTM_GETLINK, PPIOV_DUMP,
					  seq, 0, 0, 0);

	return ppiov_build_end(&b);
}

/* Sets IFF_UP or clears it. */
int ppiov_msg_link_up(void *buf, size_t size, uint32_t seq, uint32_t ifindex,
		      bool up)
{
	struct ppiov_build b = link_start(buf, size, RTM_NEWLINK, PPIOV_DO, seq,
					  ifindex, up ? IFF_UP : 0, IFF_UP);

	return ppiov_build_end(&b);
}

/* Moves a link to another network namespace. */
int ppiov_msg_link_netns(void *buf, size_t size, uint32_t seq,
			 uint32_t ifindex, int netns_fd)
{
	struct ppiov_build b = link_start(buf, size, RTM_NEWLINK, PPIOV_DO, seq,
					  ifindex, 0, 0);

	ppiov_build_u32(&b, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	return ppiov_build_end(&b);
}

/* Sets a link's MTU, which bounds how much of a net_iov one packet fills. */
int ppiov_msg_link_mtu(void *buf, size_t size, uint32_t seq, uint32_t ifindex,
		       uint32_t mtu)
{
	struct ppiov_build b = link_start(buf, size, RTM_NEWLINK, PPIOV_DO, seq,
					  ifindex, 0, 0);

	ppiov_build_u32(&b, IFLA_MTU, mtu);
	return ppiov_build_end(&b);
}

/* Deletes a link, with the memory providers of its queues. */
int ppiov_msg_link_delete(void *buf, size_t size, uint32_t seq,
			  uint32_t ifindex)
{
	struct ppiov_build b = link_start(buf, size, RTM_DELLINK, PPIOV_DO, seq,
					  ifindex, 0, 0);

	return ppiov_build_end(&b);
}

/*
 * Adds an address of 4 or 16 bytes.  IPv6 without duplicate address detection,
 * during which, for a second, the address cannot be used.
 */
int ppiov_msg_address_add(void *buf, size_t size, uint32_t seq,
			  uint32_t ifindex, const void *address,
			  size_t address_len, uint8_t prefix_len)
{
	struct ppiov_build b = ppiov_build_start(buf, size, RTM_NEWADDR,
						 PPIOV_DO | NLM_F_CREATE |
						 NLM_F_EXCL, seq);
	struct ifaddrmsg *ifa = ppiov_build_header(&b, sizeof(*ifa));

	if (address_len != 4 && address_len != 16)
		return -EINVAL;
	if (ifa) {
		ifa->ifa_family = address_len == 4 ? AF_INET : AF_INET6;
		ifa->ifa_prefixlen = prefix_len;
		ifa->ifa_index = ifindex;
	}
	ppiov_build_put(&b, IFA_LOCAL, address, address_len);
	ppiov_build_put(&b, IFA_ADDRESS, address, address_len);
	if (address_len == 16)
		ppiov_build_u32(&b, IFA_FLAGS, IFA_F_NODAD);
	return ppiov_build_end(&b);
}

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PPIOV_H
#define PPIOV_H

#include "ppiov_uapi.h"
#include "ppiov_netlink.h"
#include "ppiov_netlink_socket.h"
#include "ppiov_netlink_tc.h"
#include "ppiov_netlink_netfilter.h"
#include "ppiov_zcrx.h"
#include "ppiov_devmem.h"
#include "ppiov_system.h"
#include "ppiov_thread.h"
#include "ppiov_packet.h"
#include "ppiov_tcp.h"
#include "ppiov_xdp.h"
#include "ppiov_descriptors.h"
#include "ppiov_constants.h"
#include "ppiov_tricks.h"

#endif

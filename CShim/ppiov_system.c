// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "ppiov_system.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

/* An errno's name: reports say EEXIST, not 17.  NULL where it has none. */
const char *ppiov_errno_name(int error)
{
	return strerrorname_np(error);
}

/* Puts the calling thread into a network namespace of its own. */
int ppiov_unshare_netns(void)
{
	return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}

/* Puts the calling thread into a network namespace that is already there. */
int ppiov_enter_netns(int fd)
{
	return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

/* Accepts a connection with its flags set, so that no fork can inherit it. */
int ppiov_accept(int socket)
{
	int fd = accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

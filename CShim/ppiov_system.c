// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "ppiov_system.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* Loads a kernel module from an open file. */
int ppiov_module_load(int fd)
{
	return syscall(SYS_finit_module, fd, "", 0) < 0 ? -errno : 0;
}

/* Unloads a kernel module; does not wait for its users to go. */
int ppiov_module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) < 0 ? -errno : 0;
}

/* Has malloc ask the kernel for nothing as long as @reserve bytes suffice it. */
int ppiov_heap_reserve(size_t reserve)
{
	void *room;

	if (!mallopt(M_MMAP_THRESHOLD, 32 << 20) ||
	    !mallopt(M_TRIM_THRESHOLD, 256 << 20))
		return -EINVAL;
	room = malloc(reserve);
	if (!room)
		return -ENOMEM;
	memset(room, 1, reserve);
	__asm__ volatile("" : : "r"(room) : "memory");
	free(room);
	return 0;
}

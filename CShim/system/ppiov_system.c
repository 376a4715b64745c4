// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "ppiov_system.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * An errno's name, such as EEXIST; NULL where it has none.  glibc does not have
 * ENOTSUPP (include/linux/errno.h), which some system calls return.
 */
const char *ppiov_errno_name(int error)
{
	if (error == 524)
		return "ENOTSUPP";
	return strerrorname_np(error);
}

/* Moves the calling thread to a new network namespace. */
int ppiov_unshare_netns(void)
{
	return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}

/* Moves the process to a new user namespace, in which it has every capability. */
int ppiov_unshare_userns(void)
{
	return unshare(CLONE_NEWUSER) < 0 ? -errno : 0;
}

/* Mounts a directory, with the mounts below it, at a second place. */
int ppiov_bind_mount(const char *from, const char *to)
{
	return mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0 ? -errno : 0;
}

/*
 * Makes a mount the root of the caller's mount namespace and the caller's own,
 * as switch_root(8) does.  After chroot(2) alone the kernel refuses to create
 * user namespaces (current_chrooted(), fs/namespace.c).
 */
int ppiov_switch_root(const char *root)
{
	if (chdir(root) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
	    chroot(".") < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

/* Moves the calling thread to an existing network namespace. */
int ppiov_enter_netns(int fd)
{
	return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

/* Accepts a connection with SOCK_CLOEXEC and SOCK_NONBLOCK. */
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

/* Unloads a kernel module; does not wait while it is in use. */
int ppiov_module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) < 0 ? -errno : 0;
}

/* Makes malloc() need no memory of the kernel for the next @reserve bytes. */
int ppiov_heap_reserve(size_t reserve)
{
	void *bytes;

	if (!mallopt(M_MMAP_THRESHOLD, 32 << 20) ||
	    !mallopt(M_TRIM_THRESHOLD, 256 << 20))
		return -EINVAL;
	bytes = malloc(reserve);
	if (!bytes)
		return -ENOMEM;
	memset(bytes, 1, reserve);
	__asm__ volatile("" : : "r"(bytes) : "memory");
	free(bytes);
	return 0;
}

/* Removes a capability from the calling thread's effective and permitted sets. */
int ppiov_drop_capability(int capability)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (capability < 0 || capability / 32 >= _LINUX_CAPABILITY_U32S_3)
		return -EINVAL;
	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	data[capability / 32].effective &= ~(1u << capability % 32);
	data[capability / 32].permitted &= ~(1u << capability % 32);
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/* Sets RLIMIT_MEMLOCK. */
int ppiov_limit_locked(uint64_t bytes)
{
	struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };

	return setrlimit(RLIMIT_MEMLOCK, &limit) < 0 ? -errno : 0;
}

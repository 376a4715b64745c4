// SPDX-License-Identifier: GPL-2.0
/* Descriptors over unix sockets; the CMSG_* macros cannot be used from Swift. */
#define _GNU_SOURCE
#include "ppiov_descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Makes a stream socket, and the abstract address of @name: no file is created. */
static int abstract_socket(const char *name, int flags,
			   struct sockaddr_un *address, socklen_t *len)
{
	size_t used = strlen(name);
	int fd;

	if (!used || used > sizeof(address->sun_path) - 1)
		return -ENAMETOOLONG;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + 1, name, used);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + used);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	return fd < 0 ? -errno : fd;
}

/* Listens under an abstract name of the network namespace. */
int ppiov_unix_listen(const char *name)
{
	struct sockaddr_un address;
	socklen_t len;
	int fd, err;

	fd = abstract_socket(name, SOCK_NONBLOCK, &address, &len);
	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&address, len) || listen(fd, 1)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* Connects to an abstract name. */
int ppiov_unix_connect(const char *name)
{
	struct sockaddr_un address;
	socklen_t len;
	int fd, err;

	fd = abstract_socket(name, 0, &address, &len);
	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&address, len)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* Makes two sockets that are connected to each other. */
int ppiov_unix_pair(int *ends)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ?
	       -errno : 0;
}

union fds_control {
	char bytes[CMSG_SPACE(sizeof(int) * PPIOV_FDS_MAX)];
	struct cmsghdr align;
};

/* Sends descriptors with one byte, without which a stream does not carry them. */
int ppiov_send_fds(int socket, const int *fds, size_t count)
{
	union fds_control control = { .bytes = { 0 } };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(sizeof(int) * count),
	};
	struct cmsghdr *cmsg;

	if (!count || count > PPIOV_FDS_MAX)
		return -EINVAL;
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * count);
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * count);
	return sendmsg(socket, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/*
 * Receives descriptors: how many.  -ENOMSG where the message has none, and
 * -EMSGSIZE where some are lost (MSG_CTRUNC: more were sent than @capacity, or
 * than RLIMIT_NOFILE allows); those that were received are closed then.
 */
int ppiov_receive_fds(int socket, int *fds, size_t capacity)
{
	union fds_control control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes,
		/* CMSG_SPACE() would leave space for one more */
		.msg_controllen = CMSG_LEN(sizeof(int) * capacity),
	};
	struct cmsghdr *cmsg;
	size_t count = 0;
	ssize_t got;

	if (!capacity || capacity > PPIOV_FDS_MAX)
		return -EINVAL;
	do {
		got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET &&
	    cmsg->cmsg_type == SCM_RIGHTS) {
		count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(cmsg), sizeof(int) * count);
	}
	if (msg.msg_flags & MSG_CTRUNC) {
		while (count)
			close(fds[--count]);
		return -EMSGSIZE;
	}
	return count ? (int)count : -ENOMSG;
}

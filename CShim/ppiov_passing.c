// SPDX-License-Identifier: GPL-2.0
/* Descriptors over unix sockets: control messages are built of C macros. */
#define _GNU_SOURCE
#include "ppiov_passing.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* An abstract address: it goes with its socket and leaves no file behind. */
static int abstract_address(struct sockaddr_un *address, const char *name,
			    socklen_t *len)
{
	size_t used = strlen(name);

	if (!used || used > sizeof(address->sun_path) - 1)
		return -ENAMETOOLONG;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + 1, name, used);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + used);
	return 0;
}

/* Listens under an abstract name of the network namespace. */
int ppiov_unix_listen(const char *name)
{
	struct sockaddr_un address;
	socklen_t len;
	int fd, err;

	err = abstract_address(&address, name, &len);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
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

	err = abstract_address(&address, name, &len);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, len)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* Two sockets that are connected to each other. */
int ppiov_unix_pair(int *ends)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ?
	       -errno : 0;
}

/* Passes descriptors on with one byte, which a stream needs to carry them. */
int ppiov_pass_fds(int socket, const int *fds, size_t count)
{
	union {
		char room[CMSG_SPACE(sizeof(int) * PPIOV_MAX_PASSED)];
		struct cmsghdr align;
	} control = { .room = { 0 } };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = CMSG_SPACE(sizeof(int) * count),
	};
	struct cmsghdr *cmsg;

	if (!count || count > PPIOV_MAX_PASSED)
		return -EINVAL;
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * count);
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * count);
	return sendmsg(socket, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Takes descriptors that were passed: how many.  More than @room is an error. */
int ppiov_take_fds(int socket, int *fds, size_t room)
{
	union {
		char room[CMSG_SPACE(sizeof(int) * PPIOV_MAX_PASSED)];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *cmsg;
	size_t count;
	ssize_t got;

	do {
		got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!got || !cmsg || cmsg->cmsg_level != SOL_SOCKET ||
	    cmsg->cmsg_type != SCM_RIGHTS)
		return -ENOMSG;
	count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (count > room) {
		int all[PPIOV_MAX_PASSED];

		memcpy(all, CMSG_DATA(cmsg), sizeof(int) * count);
		while (count)
			close(all[--count]);
		return -EMSGSIZE;
	}
	memcpy(fds, CMSG_DATA(cmsg), sizeof(int) * count);
	return (int)count;
}

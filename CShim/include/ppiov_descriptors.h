/* SPDX-License-Identifier: GPL-2.0 */
/* Unix sockets that send descriptors to another process (SCM_RIGHTS). */
#ifndef PPIOV_DESCRIPTORS_H
#define PPIOV_DESCRIPTORS_H

#include <stddef.h>

/* The most descriptors of one message */
#define PPIOV_FDS_MAX	8

int ppiov_unix_listen(const char *name);
int ppiov_unix_connect(const char *name);
int ppiov_unix_pair(int *ends);
int ppiov_send_fds(int socket, const int *fds, size_t count);
int ppiov_receive_fds(int socket, int *fds, size_t capacity);

#endif

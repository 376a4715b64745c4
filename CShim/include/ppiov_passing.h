/* SPDX-License-Identifier: GPL-2.0 */
/* Descriptors that go from one process to another over a unix socket. */
#ifndef PPIOV_PASSING_H
#define PPIOV_PASSING_H

#include <stddef.h>

#define PPIOV_MAX_PASSED	8

int ppiov_unix_listen(const char *name);
int ppiov_unix_connect(const char *name);
int ppiov_unix_pair(int *ends);
int ppiov_pass_fds(int socket, const int *fds, size_t count);
int ppiov_take_fds(int socket, int *fds, size_t room);

#endif

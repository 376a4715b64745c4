/* SPDX-License-Identifier: GPL-2.0 */
/* glibc calls that need _GNU_SOURCE, which the Glibc module of Swift does not set. */
#ifndef PPIOV_SYSTEM_H
#define PPIOV_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

const char *ppiov_errno_name(int error);
int ppiov_unshare_netns(void);
int ppiov_unshare_userns(void);
int ppiov_enter_netns(int fd);
int ppiov_bind_mount(const char *from, const char *to);
int ppiov_switch_root(const char *root);
int ppiov_accept(int socket);
int ppiov_module_load(int fd);
int ppiov_module_unload(const char *name);
int ppiov_drop_capability(int capability);
int ppiov_limit_locked(uint64_t bytes);
int ppiov_heap_reserve(size_t reserve);

#endif

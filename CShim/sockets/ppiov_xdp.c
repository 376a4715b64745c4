// SPDX-License-Identifier: GPL-2.0
/* XDP programs and AF_XDP sockets, which exclude memory providers. */
#define _GNU_SOURCE
#include "ppiov_xdp.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_xdp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int command, union bpf_attr *attr, unsigned int size)
{
	long ret = syscall(__NR_bpf, command, attr, size);

	return ret < 0 ? -errno : (int)ret;
}

/* Loads a program that passes every packet, with any number of fragments. */
int ppiov_xdp_load(void)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0,
		  .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uint64_t)(uintptr_t)pass;
	attr.insn_cnt = sizeof(pass) / sizeof(pass[0]);
	attr.license = (uint64_t)(uintptr_t)"GPL";
	attr.prog_flags = BPF_F_XDP_HAS_FRAGS;
	return bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

/*
 * Attaches a program: the descriptor of the link, which detaches the program
 * when it is closed.  @flags: XDP_FLAGS_* of linux/if_link.h.
 */
int ppiov_xdp_attach(int program, uint32_t ifindex, uint32_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_ifindex = ifindex;
	attr.link_create.attach_type = BPF_XDP;
	attr.link_create.flags = flags;
	return bpf(BPF_LINK_CREATE, &attr, sizeof(attr));
}

/* Opens an AF_XDP socket without binding it: its descriptor. */
int ppiov_xdp_probe(void)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int option(int fd, int name, const void *value, socklen_t size)
{
	return setsockopt(fd, SOL_XDP, name, value, size) < 0 ? -errno : 0;
}

/*
 * Opens an AF_XDP socket on a queue in copy mode (XDP_COPY), with memory of the
 * caller: its descriptor.
 */
int ppiov_xdp_socket(uint32_t ifindex, uint32_t queue, void *memory, size_t size)
{
	struct xdp_umem_reg umem = {
		.addr = (uint64_t)(uintptr_t)memory, .len = size,
		.chunk_size = 4096,
	};
	struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY,
		.sxdp_ifindex = ifindex, .sxdp_queue_id = queue,
	};
	const int entries = 64;
	int fd, err;

	fd = ppiov_xdp_probe();
	if (fd < 0)
		return fd;
	err = option(fd, XDP_UMEM_REG, &umem, sizeof(umem));
	if (!err)
		err = option(fd, XDP_UMEM_FILL_RING, &entries, sizeof(entries));
	if (!err)
		err = option(fd, XDP_UMEM_COMPLETION_RING, &entries,
			     sizeof(entries));
	if (!err)
		err = option(fd, XDP_RX_RING, &entries, sizeof(entries));
	if (!err && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

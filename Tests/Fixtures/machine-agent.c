// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for ppiov-agent, for the tests of the machine alone: it says it is
 * ready, answers every line, and on request panics, hangs, exits or sends trace.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int open_port(const char *wanted)
{
	char path[300], name[64];
	struct dirent *e;
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		DIR *d = opendir("/sys/class/virtio-ports");

		while (d && (e = readdir(d))) {
			int fd;
			ssize_t n;

			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", e->d_name);
			fd = open(path, O_RDONLY);
			n = fd < 0 ? -1 : read(fd, name, sizeof(name) - 1);
			if (fd >= 0)
				close(fd);
			if (n <= 0)
				continue;
			name[n] = 0;
			name[strcspn(name, "\n")] = 0;
			if (strcmp(name, wanted))
				continue;
			snprintf(path, sizeof(path), "/dev/%s", e->d_name);
			closedir(d);
			return open(path, O_RDWR);
		}
		if (d)
			closedir(d);
		usleep(1000);
	}
	return -1;
}

static void sysrq(char c)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	if (fd < 0 || write(fd, &c, 1) < 0)
		perror("sysrq");
}

static unsigned long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ul + t.tv_nsec;
}

int main(void)
{
	int events = open_port("ppiov.events"), trace = open_port("ppiov.trace");
	char line[4096];
	unsigned int r = 0;

	if (events < 0 || trace < 0) {
		fprintf(stderr, "trial agent: no ports\n");
		return 3;
	}
	dprintf(events, "{\"version\":1,\"kind\":\"ready\",\"time\":%lu}\n", now());
	for (;;) {
		size_t used = 0;

		while (used < sizeof(line) - 1) {
			ssize_t n = read(events, line + used, 1);

			if (n <= 0) {
				usleep(1000);
				continue;
			}
			if (line[used] == '\n')
				break;
			used++;
		}
		line[used] = 0;
		if (strstr(line, "panic")) {
			sysrq('c');
		} else if (strstr(line, "hang")) {
			dprintf(events, "{\"kind\":\"hanging\"}\n");
			for (;;)
				;
		} else if (strstr(line, "exit")) {
			return 7;
		} else if (strstr(line, "trace")) {
			static char bytes[1 << 20];
			size_t done = 0;

			for (size_t i = 0; i < sizeof(bytes); i++)
				bytes[i] = i * 7 + (i >> 8);
			while (done < sizeof(bytes)) {
				ssize_t n = write(trace, bytes + done, sizeof(bytes) - done);

				if (n > 0)
					done += n;
			}
			dprintf(events, "{\"kind\":\"traced\"}\n");
		} else {
			getrandom(&r, sizeof(r), GRND_NONBLOCK);
			dprintf(events, "{\"kind\":\"answer\",\"time\":%lu,\"random\":%u,\"to\":%s}\n", now(), r, line);
		}
	}
}

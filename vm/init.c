// SPDX-License-Identifier: GPL-2.0
/*
 * First process of a ppiov guest.
 *
 * It is C and static because a Swift program cannot be PID 1: its runtime
 * reads /proc and starts threads before main().  It mounts the file systems
 * that the agent needs, loads the modules of the image, starts the agent, and
 * reaps children until the agent has ended.  QEMU runs with -no-reboot, so
 * every reboot here ends the machine.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define AGENT		"/bin/ppiov-agent"
#define COMMAND		"/etc/ppiov/command"
#define MODULES		"/lib/modules/ppiov"
#define FAULTS		"/run/ppiov-init.faults"

/* Open files of the agent: a scenario opens thousands of sockets. */
#define OPEN_FILES	65536

static char *const environment[] = {
	"PATH=/bin:/sbin:/usr/bin:/usr/sbin",
	"HOME=/",
	"TERM=dumb",
	"LC_ALL=C",
	"LD_LIBRARY_PATH=/lib/ppiov",
	NULL
};

static void report(const char *format, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	dprintf(STDERR_FILENO, "ppiov-init: %.*s", n, line);
}

/* A reset discards the console's transmit queue: wait until it is empty. */
static void power_off(void)
{
	sync();
	tcdrain(STDERR_FILENO);
	reboot(RB_AUTOBOOT);
	report("reboot: %s", strerror(errno));
	for (;;)
		pause();
}

static void fail(const char *what, const char *name)
{
	report("cannot %s %s: %s", what, name, strerror(errno));
	power_off();
}

/* Notes an error that does not end the machine.  The agent's ready event has it. */
static void note_fault(const char *what, const char *name)
{
	int error = errno;
	int fd;

	report("cannot %s %s: %s", what, name, strerror(error));
	fd = open(FAULTS, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	dprintf(fd, "cannot %s %s: %s\n", what, name, strerror(error));
	close(fd);
}

static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);
	int null;

	if (fd < 0)
		fd = open("/dev/kmsg", O_WRONLY);
	if (fd < 0)
		return;
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	null = open("/dev/null", O_RDONLY);
	if (null >= 0 && null != STDIN_FILENO) {
		dup2(null, STDIN_FILENO);
		close(null);
	}
}

static const struct {
	const char *type;
	const char *path;
	const char *options;
	bool essential;
} mounts[] = {
	{ "devtmpfs",	"/dev",			"mode=0755",	true },
	{ "proc",	"/proc",		NULL,		true },
	{ "sysfs",	"/sys",			NULL,		true },
	{ "tmpfs",	"/tmp",			"mode=1777",	true },
	{ "tmpfs",	"/run",			"mode=0755",	true },
	{ "debugfs",	"/sys/kernel/debug",	NULL,		false },
	{ "tracefs",	"/sys/kernel/tracing",	NULL,		false },
	{ "configfs",	"/sys/kernel/config",	NULL,		false },
};

static void mount_all(void)
{
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		if (mounts[i].essential)
			mkdir(mounts[i].path, 0755);
		if (!mount(mounts[i].type, mounts[i].path, mounts[i].type,
			   MS_NOSUID | MS_NOEXEC, mounts[i].options)) {
			if (!i)
				open_console();
			continue;
		}
		if (mounts[i].essential)
			fail("mount", mounts[i].path);
		/* A kernel without the option has no type or no mount point. */
		if (errno != ENODEV && errno != ENOENT)
			note_fault("mount", mounts[i].path);
	}
}

static void raise_limits(void)
{
	const struct rlimit files = { OPEN_FILES, OPEN_FILES };

	if (setrlimit(RLIMIT_NOFILE, &files))
		note_fault("raise", "RLIMIT_NOFILE");
}

static int is_module(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 3 && !strcmp(entry->d_name + n - 3, ".ko");
}

static void load_module(const char *name)
{
	char path[sizeof(MODULES) + 256];
	int fd;

	snprintf(path, sizeof(path), MODULES "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		note_fault("open", path);
		return;
	}
	if (syscall(SYS_finit_module, fd, "", 0))
		note_fault("load", path);
	close(fd);
}

static void load_modules(void)
{
	struct dirent **names;
	int i, n;

	n = scandir(MODULES, &names, is_module, alphasort);
	if (n < 0) {
		if (errno != ENOENT)
			note_fault("read", MODULES);
		return;
	}
	for (i = 0; i < n; i++) {
		load_module(names[i]->d_name);
		free(names[i]);
	}
	free(names);
}

static bool shell_is_requested(void)
{
	char line[4096];
	char *word;
	ssize_t n;
	int fd;

	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("open", "/proc/cmdline");
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n < 0)
		fail("read", "/proc/cmdline");
	line[n] = '\0';
	for (word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		if (!strcmp(word, "ppiov.shell"))
			return true;
	return false;
}

/* /dev/console cannot be a controlling terminal, which a shell needs. */
static void take_terminal(void)
{
	int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY);

	if (fd < 0)
		return;
	ioctl(fd, TIOCSCTTY, 0);
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static pid_t start(const char *program, const char *argument, bool terminal)
{
	char *const argv[] = { (char *)program, (char *)argument, NULL };
	pid_t pid = fork();

	if (pid < 0)
		fail("fork for", program);
	if (pid)
		return pid;
	setsid();
	if (terminal)
		take_terminal();
	execve(program, argv, environment);
	report("cannot start %s: %s", program, strerror(errno));
	_exit(127);
}

/* Reaps every process until the child ends. */
static int reap_until(pid_t child)
{
	int status;
	pid_t pid;

	for (;;) {
		pid = wait(&status);
		if (pid == child)
			return status;
		if (pid < 0 && errno != EINTR)
			fail("wait for", "the child");
	}
}

int main(void)
{
	int status;

	if (getpid() != 1) {
		fprintf(stderr, "ppiov-init: not the first process of a guest\n");
		return 1;
	}
	open_console();
	mount_all();
	sethostname("ppiov", strlen("ppiov"));
	raise_limits();
	load_modules();

	if (!access(COMMAND, R_OK)) {
		reap_until(start("/bin/sh", COMMAND, false));
		power_off();
	}
	if (shell_is_requested()) {
		if (access("/bin/sh", X_OK))
			fail("start", "/bin/sh");
		for (;;)
			reap_until(start("/bin/sh", NULL, true));
	}

	status = reap_until(start(AGENT, NULL, false));
	if (WIFSIGNALED(status))
		report("agent exited with signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		report("agent exited with status %d", WEXITSTATUS(status));
	power_off();
}

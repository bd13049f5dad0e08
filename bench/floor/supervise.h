/*
 * What the floors have in common: the lies they tell, the calls they stop, the
 * filter that stops them.
 *
 *	[--traps NUMBER,NUMBER...] [--file PATH=TEXT] [--fs MAGIC=MAGIC] [--exact yes] -- COMMAND
 *
 * With "--exact yes" they also do what nobody can spare who wants to be right:
 * see look() here, and what is exact in notify.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_TRAPS 256
#define MOST_CALLS 512

static int traps[MOST_TRAPS], trap_count;
static const char *served;      /* the name that leads to our file */
static int served_fd = -1;
static char served_name[32];    /* "/proc/PID/fd/FD", for others to open */
static unsigned long told_from, told_as;
static int exact;

/* Which argument of a call is a name, plus one; 0 where none is. */
static const unsigned char name_argument[MOST_CALLS] = {
#ifdef SYS_open
	[SYS_open] = 1, [SYS_stat] = 1, [SYS_lstat] = 1, [SYS_access] = 1,
	[SYS_creat] = 1, [SYS_readlink] = 1,
#endif
	[SYS_openat] = 2, [SYS_openat2] = 2, [SYS_newfstatat] = 2, [SYS_statx] = 2,
	[SYS_faccessat] = 2, [SYS_faccessat2] = 2, [SYS_readlinkat] = 2,
	[SYS_statfs] = 1, [SYS_chdir] = 1, [SYS_truncate] = 1, [SYS_getxattr] = 1,
	[SYS_lgetxattr] = 1, [SYS_setxattr] = 1, [SYS_lsetxattr] = 1,
	[SYS_listxattr] = 1, [SYS_llistxattr] = 1, [SYS_removexattr] = 1,
	[SYS_lremovexattr] = 1, [SYS_inotify_add_watch] = 2,
	[SYS_name_to_handle_at] = 2, [SYS_chroot] = 1, [SYS_umount2] = 1,
};

static inline int is_open(long nr)
{
#ifdef SYS_open
	if (nr == SYS_open)
		return 1;
#endif
	return nr == SYS_openat;
}

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(125);
}

static void serve(char *file)
{
	char *text = strchr(file, '=');

	if (!text)
		die("--file PATH=TEXT");
	*text++ = 0;
	served = file;
	served_fd = memfd_create("served", MFD_CLOEXEC);
	if (served_fd < 0 || write(served_fd, text, strlen(text)) < 0)
		die("memfd_create");
	snprintf(served_name, sizeof served_name, "/proc/%d/fd/%d", getpid(), served_fd);
}

/* options takes what stands before the command, and returns the command. */
static inline char **options(char **argv)
{
	for (argv++; *argv && strcmp(*argv, "--"); argv += 2) {
		if (!argv[1])
			break;
		if (!strcmp(*argv, "--traps")) {
			for (char *n = strtok(argv[1], ","); n && trap_count < MOST_TRAPS; n = strtok(NULL, ","))
				traps[trap_count++] = atoi(n);
		} else if (!strcmp(*argv, "--file")) {
			serve(argv[1]);
		} else if (!strcmp(*argv, "--exact")) {
			exact = 1;
		} else if (!strcmp(*argv, "--fs")) {
			char *as;

			told_from = strtoul(argv[1], &as, 16);
			told_as = strtoul(as + 1, NULL, 16);
		} else {
			errno = EINVAL;
			die(*argv);
		}
	}
	if (!*argv || !argv[1]) {
		errno = EINVAL;
		die("no command");
	}
	return argv + 1;
}

/* load installs the filter: a list of the traps, for it is short. */
static inline long load(unsigned verdict, unsigned flags)
{
	static struct sock_filter code[MOST_TRAPS + 3];
	struct sock_fprog program = { .filter = code };
	int n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (int i = 0; i < trap_count; i++)
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, traps[i], trap_count - i, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
	program.len = n;
	/* Without CAP_SYS_ADMIN a filter needs this. */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static inline ssize_t vm_read(pid_t pid, uint64_t address, void *buffer, size_t size)
{
	struct iovec local = { buffer, size }, remote = { (void *)address, size };

	return syscall(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0);
}

static inline ssize_t vm_write(pid_t pid, uint64_t address, const void *buffer, size_t size)
{
	struct iovec local = { (void *)buffer, size }, remote = { (void *)address, size };

	return syscall(SYS_process_vm_writev, pid, &local, 1, &remote, 1, 0);
}

/* look asks the kernel what lies under a tracee's name. Names can lead anywhere,
 * through links, so that no name tells by itself that nothing is served there;
 * but for those below /proc, which has no ordinary links. */
static inline void look(pid_t pid, int dirfd, const char *name)
{
	char through[64 + 4096];
	struct stat st;

	if (!strncmp(name, "/proc/", 6))
		return;
	if (!*name) {
		snprintf(through, sizeof through, "/proc/%d/fd/%d", pid, dirfd);
		if (stat(through, &st) && errno != ENOENT)
			die(through);
		return;
	}
	if (*name != '/') {
		if (dirfd == AT_FDCWD)
			snprintf(through, sizeof through, "/proc/%d/cwd/%s", pid, name);
		else
			snprintf(through, sizeof through, "/proc/%d/fd/%d/%s", pid, dirfd, name);
		name = through;
	}
	fstatat(AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW);
}

/* ends makes this process end as a child did. */
static inline void ends(int status)
{
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/*
 * The floor of user notification: the smallest supervisor that does the work.
 * For each trapped call it receives, reads the name with process_vm_readv, and
 * sends: CONTINUE; for the served file ADDFD with SEND; for statfs of the
 * filesystem that is told as another one its own statfs and process_vm_writev.
 *
 * With "--exact yes" it also asks the kernel once what lies under a name that is
 * not served; asks whether the call still waits before it writes into the memory
 * of whoever has that number (seccomp_unotify(2)); and adds a descriptor and
 * sends in two requests, as is needed for filters with WAIT_KILLABLE_RECV since
 * Linux 6.17, where one can lose the descriptor.
 *
 * It compares names as they stand, and knows no threads, no signals and no end
 * of its own: it is what the mechanism costs, not a shim.
 */
#include "supervise.h"
#include <poll.h>
#include <sys/ioctl.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

static pid_t command;

static void ended(int signal)
{
	int status;

	(void)signal;
	if (waitpid(command, &status, WNOHANG) == command)
		ends(status);
}

/* Once no task has the filter, every RECV fails at once: who went on asking would
 * keep the last one, which is still on its way out, from the processor. */
static void at_end(int listener)
{
	struct pollfd hangup = { .fd = listener };
	int status;

	if (poll(&hangup, 1, 0) == 1 && hangup.revents & POLLHUP &&
	    waitpid(command, &status, 0) == command)
		ends(status);
}

static void pass_on(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof fd)] = { 0 }, byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1,
				  .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(rights), &fd, sizeof fd);
	if (sendmsg(socket, &message, 0) != 1)
		die("sendmsg");
}

static int taken(int socket)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1,
				  .msg_control = control, .msg_controllen = sizeof control };
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
		die("no listener");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	return fd;
}

int main(int argc, char **argv)
{
	static struct { struct seccomp_notif notification; char spare[256]; } in;
	struct seccomp_notif *call = &in.notification;
	static char name[4096], own_name[32];
	int pair[2], listener;

	(void)argc;
	argv = options(argv);
	snprintf(own_name, sizeof own_name, "/proc/self/fd/%d", served_fd);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	command = fork();
	if (command == 0) {
		listener = load(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER |
				(exact ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0));
		if (listener < 0)
			die("seccomp");
		pass_on(pair[1], listener);
		close(listener);
		execvp(argv[0], argv);
		die(argv[0]);
	}
	close(pair[1]);
	listener = taken(pair[0]);
	close(pair[0]);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = ended, .sa_flags = SA_NOCLDSTOP }, NULL);
	ended(0);
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);

	for (;;) {
		struct seccomp_notif_resp answer = { 0 };
		int argument;

		memset(call, 0, sizeof *call);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, call)) {
			if (errno == ENOENT)
				at_end(listener);
			continue;
		}
		answer.id = call->id;
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		argument = (unsigned)call->data.nr < MOST_CALLS ? name_argument[call->data.nr] : 0;
		if (argument && vm_read(call->pid, call->data.args[argument - 1], name, sizeof name) > 0) {
			if (served && is_open(call->data.nr) && !strcmp(name, served)) {
				struct seccomp_notif_addfd add = { .id = call->id, .flags = exact ? 0 : SECCOMP_ADDFD_FLAG_SEND };
				int fd = open(own_name, O_RDONLY | O_CLOEXEC);

				add.srcfd = fd;
				answer.val = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
				close(fd);
				if (!exact)
					continue;
				answer.flags = 0;
				ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
				continue;
			}
			if (exact && call->data.nr != SYS_statfs)
				look(call->pid, argument == 2 ? (int)call->data.args[0] : AT_FDCWD, name);
			if (told_from && call->data.nr == SYS_statfs) {
				struct statfs st;

				if (!statfs(name, &st) && (unsigned long)st.f_type == told_from &&
				    (!exact || !ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id))) {
					st.f_type = told_as;
					vm_write(call->pid, call->data.args[1], &st, sizeof st);
					answer.flags = 0;
				}
			}
		}
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

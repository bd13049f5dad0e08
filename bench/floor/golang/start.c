/*
 * The half of the floor in Go that stands before Go: as in shimrun, the process
 * that is started becomes the command, and another one, forked before the Go
 * runtime starts, becomes the supervisor.
 *
 *	command ─ fork ─▶ supervisor (main.go)
 *	   │                  │ "ready"
 *	   ├─── listener ────▶│
 *	   │◀──── "go on" ────│
 *	   └─ execve
 */
#include "../supervise.h"

int floor_socket = -1;

__attribute__((constructor)) static void start(int argc, char **argv)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1,
				  .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
	int pair[2], listener;

	(void)argc;
	argv = options(argv);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	if (fork() == 0) {
		close(pair[0]);
		setpgid(0, 0);
		/* Go's monitor thread would wake every 70 us. */
		prctl(PR_SET_TIMERSLACK, 1000000UL, 0, 0, 0);
		floor_socket = pair[1];
		return;
	}
	close(pair[1]);
	if (read(pair[0], &byte, 1) != 1)
		die("no supervisor");
	listener = load(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	if (listener < 0)
		die("seccomp");
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof listener);
	memcpy(CMSG_DATA(rights), &listener, sizeof listener);
	if (sendmsg(pair[0], &message, 0) != 1)
		die("sendmsg");
	close(listener);
	if (read(pair[0], &byte, 1) != 1)
		die("no supervisor");
	execvp(argv[0], argv);
	die(argv[0]);
}

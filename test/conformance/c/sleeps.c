/* Calls that sleep right after one that is trapped, until somebody else acts.
   No signal has a handler here: whoever sees EINTR, or half of what was asked
   for, sees the shim. All sleepers sleep at the same time, and if there is a third
   name each has that open for writing. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LARGE = 1 << 20 };

static const char *trapped, *dir;
static char large[LARGE];
static pid_t partner;
static int drains;

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	while (nanosleep(&t, &t) < 0) {
	}
}

/* What is trapped; what comes next sleeps. */
static void trap(void)
{
	int fd = open(trapped, O_RDONLY);
	if (fd >= 0)
		close(fd);
}

static char *in(const char *name)
{
	char *path;
	return asprintf(&path, "%s/%d-%s", dir, getpid(), name) < 0 ? 0 : path;
}

/* The partner of the sleeper: it goes on when the sleeper sleeps. */
#define LATER if ((partner = fork()) == 0) for (alarm(20), pause_ms(350);; _exit(0))

/* What comes is what was sent, whole and in order; else the sleeper hears of it. */
static void drain(int fd)
{
	static char buf[LARGE];
	long all = 0, n;
	while (all < LARGE && (n = read(fd, buf + all, LARGE - all)) > 0)
		all += n;
	if (all < LARGE || memcmp(buf, large, LARGE))
		kill(getppid(), SIGKILL);
}

static long fifo(int flags, int others)
{
	char *name = in("fifo"), b = 'x';
	mkfifo(name, 0600);
	LATER {
		int fd = open(name, others);
		others == O_RDONLY ? read(fd, &b, 1) : write(fd, &b, 1);
	}
	int fd = open(name, flags);
	if (fd < 0)
		return fd;
	return flags == O_RDONLY ? read(fd, &b, 1) : write(fd, &b, 1);
}

static long reads_fifo(void) { return fifo(O_RDONLY, O_WRONLY); }
static long writes_fifo(void) { return fifo(O_WRONLY, O_RDONLY); }

/* A writer whose open is taken back and made again is an end of file for a
   reader that comes in between. */
static long meets_in_fifos(void)
{
	long met = 0;
	for (int i = 0; i < 20; i++) {
		char *name = in("meeting"), b;
		mkfifo(name, 0600);
		int fd;
		pid_t writer = fork();
		if (writer == 0) {
			alarm(20);
			fd = open(name, O_WRONLY);
			_exit(write(fd, "x", 1) != 1);
		}
		pause_ms(10 * i + 1);
		fd = open(name, O_RDONLY);
		met += read(fd, &b, 1);
		close(fd);
		unlink(name);
		kill(writer, SIGKILL);
		waitpid(writer, 0, 0);
	}
	return met;
}

static long pipe_write(void)
{
	int p[2];
	pipe(p);
	drains = 1;
	LATER drain(p[0]);
	trap();
	return write(p[1], large, LARGE);
}

static long pipe_writev(void)
{
	int p[2];
	struct iovec v[3] = {{large, 1000}, {large + 1000, LARGE - 3000}, {large + LARGE - 2000, 2000}};
	pipe(p);
	drains = 1;
	LATER drain(p[0]);
	trap();
	return writev(p[1], v, 3);
}

static long pipe_read(void)
{
	int p[2];
	char b[8];
	pipe(p);
	LATER write(p[1], "abc", 3);
	trap();
	return read(p[0], b, sizeof b);
}

static int pair[2];
static long pair_of(int type) { return socketpair(AF_UNIX, type, 0, pair); }

static long stream_send(void)
{
	pair_of(SOCK_STREAM);
	drains = 1;
	LATER drain(pair[0]);
	trap();
	return send(pair[1], large, LARGE, 0);
}

static long stream_sendmsg(void)
{
	struct iovec v[3] = {{large, 1000}, {0, 0}, {large + 1000, LARGE - 1000}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};
	pair_of(SOCK_STREAM);
	drains = 1;
	LATER drain(pair[0]);
	trap();
	return sendmsg(pair[1], &m, 0);
}

static long stream_write(void)
{
	pair_of(SOCK_STREAM);
	drains = 1;
	LATER drain(pair[0]);
	trap();
	return write(pair[1], large, LARGE);
}

static long datagram(void)
{
	char b[6];
	pair_of(SOCK_DGRAM);
	LATER write(pair[1], "de", 2);
	trap();
	return recv(pair[0], b, 6, 0);
}

static int listener(struct sockaddr_un *a)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	*a = (struct sockaddr_un){AF_UNIX};
	sprintf(a->sun_path + 1, "sleeps-%d", getpid());
	bind(s, (struct sockaddr *)a, sizeof *a);
	listen(s, 1);
	return s;
}

static long accepts(void)
{
	struct sockaddr_un a;
	int s = listener(&a);
	LATER connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof a);
	trap();
	return accept(s, 0, 0) > 0;
}

static long locks(void)
{
	char *name = in("lock");
	int fd = open(name, O_RDWR | O_CREAT, 0600);
	flock(fd, LOCK_EX);
	int own = open(name, O_RDWR);
	LATER flock(fd, LOCK_UN);
	trap();
	return flock(own, LOCK_EX);
}

static long record_lock(int command)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	int fd = open(in("record"), O_RDWR | O_CREAT, 0600), ready[2];
	char b;
	pipe(ready);
	if ((partner = fork()) == 0) {
		fcntl(fd, command, &l);
		write(ready[1], "x", 1);
		pause_ms(350);
		_exit(0); /* gives up the lock */
	}
	read(ready[0], &b, 1);
	trap();
	return fcntl(fd, command, &l);
}

static long locks_record(void) { return record_lock(F_SETLKW); }

static long message_receive(void)
{
	struct { long type; char text[4]; } m = {1, "abc"};
	int q = msgget(IPC_PRIVATE, 0600);
	LATER msgsnd(q, &m, 4, 0);
	trap();
	long n = msgrcv(q, &m, 4, 0, 0);
	int e = errno;
	msgctl(q, IPC_RMID, 0);
	errno = e;
	return n;
}

static long message_send(void)
{
	struct { long type; char text[8000]; } m = {1, "abc"};
	int q = msgget(IPC_PRIVATE, 0600), sent = 0;
	while (msgsnd(q, &m, sizeof m.text, IPC_NOWAIT) == 0)
		sent++;
	LATER for (int i = 0; i < sent; i++) msgrcv(q, &m, sizeof m.text, 0, 0);
	trap();
	long n = msgsnd(q, &m, sizeof m.text, 0);
	int e = errno;
	waitpid(partner, 0, 0);
	msgctl(q, IPC_RMID, 0);
	errno = e;
	return n;
}

static long semaphore(void)
{
	struct sembuf up = {0, 1, 0}, down = {0, -1, 0};
	int s = semget(IPC_PRIVATE, 1, 0600);
	LATER semop(s, &up, 1);
	trap();
	long n = semop(s, &down, 1);
	int e = errno;
	semctl(s, 0, IPC_RMID);
	errno = e;
	return n;
}

static long waits(void)
{
	int status = 0;
	LATER _exit(7);
	trap();
	long n = waitpid(partner, &status, 0);
	return n < 0 ? n : WEXITSTATUS(status);
}

static long waits_for_id(void)
{
	siginfo_t i;
	LATER _exit(7);
	trap();
	long n = waitid(P_ALL, 0, &i, WEXITED);
	return n < 0 ? n : i.si_status;
}

static long polls(void)
{
	int p[2];
	pipe(p);
	struct pollfd f = {p[0], POLLIN};
	LATER write(p[1], "x", 1);
	trap();
	return poll(&f, 1, -1);
}

static long selects(void)
{
	int p[2];
	fd_set s;
	pipe(p);
	FD_ZERO(&s);
	FD_SET(p[0], &s);
	LATER write(p[1], "x", 1);
	trap();
	return select(p[0] + 1, &s, 0, 0, 0);
}

static long epolls(void)
{
	int p[2], e = epoll_create1(0);
	struct epoll_event v = {EPOLLIN}, got;
	pipe(p);
	epoll_ctl(e, EPOLL_CTL_ADD, p[0], &v);
	LATER write(p[1], "x", 1);
	trap();
	return epoll_wait(e, &got, 1, -1);
}

static long event(void)
{
	long v = 0;
	int fd = eventfd(0, 0);
	LATER eventfd_write(fd, 5);
	trap();
	long n = read(fd, &v, 8);
	return n < 0 ? n : v;
}

static long naps(void)
{
	struct timespec t = {0, 350000000};
	trap();
	return nanosleep(&t, 0);
}

static long waits_for_signal(void)
{
	sigset_t s;
	struct timespec t = {5, 0};
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, 0);
	LATER kill(getppid(), SIGUSR1);
	trap();
	return sigtimedwait(&s, 0, &t) == SIGUSR1;
}

static long joins(void)
{
	static pthread_mutex_t *m;
	pthread_mutexattr_t a;
	m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(m, &a);
	int ready[2];
	char b;
	pipe(ready);
	if ((partner = fork()) == 0) {
		pthread_mutex_lock(m);
		write(ready[1], "x", 1);
		pause_ms(350);
		pthread_mutex_unlock(m);
		_exit(0);
	}
	read(ready[0], &b, 1);
	trap();
	return pthread_mutex_lock(m);
}

static long sends_file(void)
{
	int p[2], f = open(in("file"), O_RDWR | O_CREAT, 0600);
	write(f, large, LARGE);
	lseek(f, 0, SEEK_SET);
	pipe(p);
	/* Linux gives what a pipe holds, gVisor all. */
	LATER while (read(p[0], large, LARGE) > 0);
	trap();
	return sendfile(p[1], f, 0, LARGE);
}

static const struct { const char *name; long (*sleep)(void); } sleepers[] = {
	{"open a fifo to read", reads_fifo}, {"open a fifo to write", writes_fifo},
	{"meet in fifos", meets_in_fifos},
	{"write to a pipe", pipe_write}, {"writev to a pipe", pipe_writev}, {"read a pipe", pipe_read},
	{"send", stream_send}, {"sendmsg", stream_sendmsg}, {"write to a socket", stream_write},
	{"recv", datagram}, {"accept", accepts},
	{"flock", locks}, {"fcntl F_SETLKW", locks_record},
	{"msgrcv", message_receive}, {"msgsnd", message_send}, {"semop", semaphore},
	{"waitpid", waits}, {"waitid", waits_for_id},
	{"poll", polls}, {"select", selects}, {"epoll_wait", epolls}, {"eventfd", event},
	{"nanosleep", naps}, {"sigtimedwait", waits_for_signal}, {"futex", joins}, {"sendfile", sends_file},
};
enum { SLEEPERS = sizeof sleepers / sizeof *sleepers };

int main(int argc, char **argv)
{
	struct outcome { long result; int error; } *outcomes = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[SLEEPERS];
	trapped = argv[1], dir = argv[2];
	for (int i = 0; i < LARGE; i++)
		large[i] = i * 2654435761u >> 24;
	for (int i = 0; i < SLEEPERS; i++)
		if ((pids[i] = fork()) == 0) {
			alarm(20);
			if (argc > 3)
				open(argv[3], O_WRONLY);
			errno = 0;
			long n = sleepers[i].sleep();
			outcomes[i] = (struct outcome){n, n < 0 ? errno : 0};
			if (drains)
				waitpid(partner, 0, 0);
			else if (partner > 0)
				kill(partner, SIGKILL);
			_exit(0);
		}
	for (int i = 0; i < SLEEPERS; i++) {
		int status;
		waitpid(pids[i], &status, 0);
		if (status)
			printf("%s: status %#x\n", sleepers[i].name, status);
		else
			printf("%s: %ld %s\n", sleepers[i].name, outcomes[i].result, outcomes[i].error ? strerror(outcomes[i].error) : "");
	}
	return 0;
}

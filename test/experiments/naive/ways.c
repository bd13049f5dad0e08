// Asks for kernel.panic in the ways that programs do, and prints a line for
// each: its name, a tab, and "ok" or what went wrong.
//
// "ok" is what a Linux that has the sysctl would say. Ways that cannot be tried
// apart from the others run in a child.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_NAME "/proc/sys/kernel/panic"
#define file fresh(FILE_NAME)
#define folder fresh("/proc/sys/kernel")

// fresh is a copy with room behind it, so that an interceptor that writes over
// one name does not change the next one.
static char *fresh(const char *name)
{
	static char room[64][256];
	static int used;
	return strcpy(room[used++ % 64], name);
}

static void say(const char *way, const char *what) { printf("%s\t%s\n", way, what); fflush(stdout); }
static void check(const char *way, int good) { say(way, good ? "ok" : errno ? strerror(errno) : "wrong answer"); errno = 0; }

// is_number reads the descriptor and closes it.
static int is_number(int fd)
{
	char text[32] = "";
	if (fd < 0)
		return 0;
	int good = read(fd, text, sizeof text - 1) > 0 && text[strspn(text, "-0123456789")] == '\n';
	close(fd);
	return good;
}

static void *from_thread(void *way) { check(way, is_number(open(file, O_RDONLY))); return 0; }

static void listed(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int found = 0;
	while (dir && (entry = readdir(dir)))
		found |= !strcmp(entry->d_name, "panic");
	errno = dir ? 0 : errno;
	check("its folder lists it", found);
}

static void beside(void)
{
	// What a compiler does with two constants: one behind the other.
	struct { char path[sizeof FILE_NAME]; char neighbour[32]; } memory = {FILE_NAME, "untouched"};
	close(open(memory.path, O_RDONLY));
	errno = 0;
	check("the memory behind the path is untouched", !strcmp(memory.neighbour, "untouched") && !strcmp(memory.path, FILE_NAME));
}

static void written(void)
{
	int fd = open(file, O_WRONLY);
	int good = fd >= 0 && write(fd, "7\n", 2) == 2;
	if (fd >= 0)
		close(fd);
	check("a number can be written", good);
	fd = open(file, O_WRONLY);
	errno = 0;
	ssize_t n = fd < 0 ? 0 : write(fd, "word\n", 5);
	say("a word is refused with EINVAL", fd < 0 ? "cannot be opened" : n < 0 && errno == EINVAL ? "ok" : "it is taken");
	errno = 0;
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	char link_path[64];
	struct stat st;
	struct statfs fs;
	pthread_t thread;
	int status, fd;

	if (argc > 1) { // a program that was started by another
		check("from a program started with vfork and exec", is_number(open(file, O_RDONLY)));
		return 0;
	}
	check("open by its name", is_number(open(file, O_RDONLY)));
	check("with // and . in the name", is_number(open(fresh("/proc//sys/./kernel/panic"), O_RDONLY)));
	check("with .. in the name", is_number(open(fresh("/proc/self/../sys/kernel/panic"), O_RDONLY)));
	check("through /proc/self/root", is_number(open(fresh("/proc/self/root/proc/sys/kernel/panic"), O_RDONLY)));
	fd = open(folder, O_RDONLY | O_DIRECTORY);
	check("from a descriptor of its folder", is_number(openat(fd, "panic", O_RDONLY)));
	snprintf(link_path, sizeof link_path, "/tmp/ways-%d", (int)getpid());
	if (symlink(file, link_path) == 0)
		check("through a symbolic link", is_number(open(link_path, O_RDONLY)));
	unlink(link_path);
	if (fork() == 0) {
		if (chdir(folder) == 0)
			check("from its folder as the working one", is_number(open("panic", O_RDONLY)));
		else
			check("from its folder as the working one", 0);
		return 0;
	}
	wait(&status);
	pthread_create(&thread, 0, from_thread, "from a second thread");
	pthread_join(thread, 0);
	if (fork() == 0) {
		check("from a child", is_number(open(file, O_RDONLY)));
		return 0;
	}
	wait(&status);
	if (vfork() == 0) {
		execl(argv[0], argv[0], "started", (char *)0);
		_exit(127);
	}
	wait(&status);
	check("stat", stat(file, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0644);
	check("access", access(file, R_OK) == 0);
	listed();
	fd = open(file, O_RDONLY);
	check("fstatfs of it says procfs", fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == 0x9fa0);
	if (fd >= 0)
		close(fd);
	written();
	beside();
	return 0;
}

/* A name and a value lie in memory whose pages another thread brings when they are
   needed (userfaultfd(2)), and calls on its way. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int faults;
static char *missing, *source;

static void *bring_pages(void *unused)
{
	struct uffd_msg message;
	struct stat st;

	while (read(faults, &message, sizeof message) == sizeof message) {
		stat("/proc/sys/kernel/panic", &st);
		unsigned long page = message.arg.pagefault.address & -4096UL;
		struct uffdio_copy copy = { .dst = page, .src = (unsigned long)source + page - (unsigned long)missing, .len = 4096 };
		ioctl(faults, UFFDIO_COPY, &copy);
	}
	return unused;
}

static char *pages(void)
{
	return mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API };
	char text[20] = "";
	pthread_t thread;

	faults = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) < 0)
		return 2;
	missing = pages();
	source = pages();
	strcpy(source, argv[1]);
	strcpy(source + 4096, "1\n");
	struct uffdio_register memory = { .range = { (unsigned long)missing, 8192 }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (ioctl(faults, UFFDIO_REGISTER, &memory) < 0)
		return 2;
	pthread_create(&thread, NULL, bring_pages, NULL);
	int fd = open(missing, O_RDWR);
	printf("open: %s\n", fd < 0 ? strerrorname_np(errno) : "done");
	printf("write: %zd\n", write(fd, missing + 4096, 2));
	pread(fd, text, sizeof text - 1, 0);
	printf("now %s", text);
	return 0;
}

/*
 * The Go runtime reserves more than a gigabyte of address space when it starts,
 * and uses some hundred kilobytes of that; the kernel counts all of it
 * (RLIMIT_AS). Where that is limited, a reservation is no mapping but a range of
 * addresses that nobody else is given. What the runtime uses of it, it maps later
 * with MAP_FIXED, be there a reservation or nothing (runtime/mem_linux.go). It
 * calls mmap(2) by way of C (runtime/cgo/gcc_mmap.c), and the linker leads that
 * call here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "start.h"

void *__real_mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset);

/* 128 GiB: above the program and the C library's heap, which begin at the bottom,
 * and far below what the kernel chooses by itself, from the stack downwards or
 * from a third of all addresses upwards (mmap_base in mm/util.c). */
static uintptr_t next = (uintptr_t)128 << 30;

/* Whether nothing is mapped there. EEXIST goes before ENOMEM, which is what the
 * limit gives (do_mmap in mm/mmap.c). */
static int is_free(void *address, size_t length)
{
	void *p = __real_mmap(address, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p == MAP_FAILED)
		return errno == ENOMEM;
	munmap(p, length);
	return p == address;	/* before Linux 4.17 it may be another */
}

void *__wrap_mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
	const size_t whole = (length + 0xffff) & ~(size_t)0xffff;	/* pages of any size */
	struct rlimit limit;
	void *p;

	if (prot != PROT_NONE || flags != (MAP_PRIVATE | MAP_ANONYMOUS) ||
	    getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return __real_mmap(address, length, prot, flags, fd, offset);
	/* Where it would rather have it is no more than a wish. */
	do
		p = (void *)__atomic_fetch_add(&next, whole, __ATOMIC_RELAXED);
	while (!is_free(p, whole));
	return p;
}

#ifndef SHIMRUN_PASS_H
#define SHIMRUN_PASS_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/seccomp.h>

/* shim.Passing, which says what each of it is. */
struct devices {
	uint32_t count, unused;
	uint64_t number[16];
};

struct passing {
	uint32_t roots, namespaces, mounting, type_count, copies, unused;
	struct { uint64_t real, told; } types[8];
	uint64_t walked[4];
	struct devices laid_over, handed;
	struct {
		int8_t name, dirfd, flags, mended, typed, opens;	/* mended: tracee.CanRewrite is false here */
	} calls[512];
	char not[32][24];
	uint64_t objects[2048];
};

/* A receiver's place in its pool: seat in pass_unsafe.go. */
struct seat {
	uint64_t turn;		/* odd while a call is being answered */
	uint32_t mixed, alone;	/* so many calls in a row from different threads, from one */
	/* What was found of a call that does not pass. */
	uint8_t told;		/* it was asked whether it passes */
	uint8_t read;		/* its name was read, … */
	uint8_t looked;		/* … and looked up … */
	uint8_t unused;
	int32_t length;		/* … so long is it … */
	int32_t error;		/* … with this errno */
	int32_t failed;		/* the errno of an answer that could not be sent */
};

/* What receivers have in common: shared in pass_unsafe.go. */
struct shared {
	uint32_t active;	/* so many are not at rest */
	uint32_t last;		/* the thread whose notification was received last, by any */
	uint32_t watched;	/* the watchdog is awake */
};

enum {
	CROWDED = 8,		/* seat.mixed: one more receiver is wanted */
	LONELY = 64,		/* seat.alone: one less */
};

enum {
	OURS = 0,		/* the call waits for an answer */
	MOVED = -1,		/* none does; seat.mixed, alone or failed say why it is time to look up */
};

/* What becomes of a call: shimrun_tell. */
enum verdict { HANDLED, PASSES, TOLD };

/* Receive calls and answer them, until there is one for a handler. Returns OURS,
 * MOVED, or the errno of the request. The call is a slot of the journal; passing is
 * NULL where nothing is told here; name has PATH_MAX bytes; continued and answered
 * count by call number, types those that were told. */
int shimrun_receive(int listener, struct seccomp_notif *call, const struct passing *passing, struct shared *shared,
		    struct seat *seat, char *name, struct stat *seen,
		    uint64_t *continued, uint64_t *answered, uint64_t *types);

/* Tell a call: shim.Worker.Passes, and of statfs what shim.Worker.Handle says, in fs. */
enum verdict shimrun_tell(const struct passing *passing, struct seat *seat, const struct seccomp_notif *call,
			  char *name, struct stat *seen, struct statfs *fs);

#endif

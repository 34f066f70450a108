/*
 * Scope guards: a variable declared with one of these is released when its scope ends. On success hand the value out
 * with PLAIT_TAKE(), which leaves NULL (or -1 for a descriptor) behind.
 */
#ifndef PLAIT_COMMON_CLEANUP_H
#define PLAIT_COMMON_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PLAIT_CLEANUP(function) __attribute__((cleanup(function)))

static inline void plait_free_cleanup(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

static inline void plait_close_cleanup(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void plait_fclose_cleanup(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* char *text PLAIT_FREE = NULL; frees with free(3). */
#define PLAIT_FREE PLAIT_CLEANUP(plait_free_cleanup)
/* int fd PLAIT_CLOSE = -1; closes unless negative. */
#define PLAIT_CLOSE PLAIT_CLEANUP(plait_close_cleanup)
/* FILE *file PLAIT_FCLOSE = NULL; */
#define PLAIT_FCLOSE PLAIT_CLEANUP(plait_fclose_cleanup)

/* The pointer's value; the guarded variable becomes NULL. */
#define PLAIT_TAKE(pointer)                                                                                            \
	({                                                                                                             \
		__typeof__(pointer) taken_ = (pointer);                                                                \
		(pointer) = NULL;                                                                                      \
		taken_;                                                                                                \
	})

/* The descriptor's value; the guarded variable becomes -1. */
#define PLAIT_TAKE_FD(fd)                                                                                              \
	({                                                                                                             \
		int taken_ = (fd);                                                                                     \
		(fd) = -1;                                                                                             \
		taken_;                                                                                                \
	})

#endif

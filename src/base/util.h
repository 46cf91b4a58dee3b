/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small helpers every layer uses: ownership by the cleanup attribute, array sizes, bits. */
#ifndef HF_BASE_UTIL_H
#define HF_BASE_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (1U << (n))

/* auto_(fn) T *x = NULL; runs fn(&x) when x leaves its scope. */
#define auto_(fn) __attribute__((cleanup(fn)))

/* Hands a pointer over: yields it and leaves NULL behind. */
#define TAKE_PTR(p)                                                                                                    \
	__extension__({                                                                                                \
		__typeof__(p) *at_ = &(p);                                                                             \
		__typeof__(p) taken_ = *at_;                                                                           \
		*at_ = NULL;                                                                                           \
		taken_;                                                                                                \
	})

/* Hands a file descriptor over: yields it and leaves -1 behind. */
#define TAKE_FD(fd)                                                                                                    \
	__extension__({                                                                                                \
		int *at_ = &(fd);                                                                                      \
		int taken_ = *at_;                                                                                     \
		*at_ = -1;                                                                                             \
		taken_;                                                                                                \
	})

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void freep(void *p)
{
	void **at = (void **)p;

	free(*at);
	*at = NULL;
}

static inline void closep(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing useful can be done about a failing close */
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

#endif

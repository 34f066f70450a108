/*
 * The sample source interface: whatever takes samples hands over the same events. One thread uses a source.
 */
#ifndef PLAIT_PERF_SOURCE_SOURCE_H
#define PLAIT_PERF_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/module.h"
#include "common/sample.h"
#include "common/sample_wire.h"

enum plait_source_event_kind {
	PLAIT_SOURCE_SAMPLE,
	PLAIT_SOURCE_MAP,      /* a file or memory was mapped */
	PLAIT_SOURCE_FORK,     /* a thread (pid == parent_pid) or a process was made */
	PLAIT_SOURCE_EXEC,     /* the process runs a new program: all its mappings are gone; name is its new name */
	PLAIT_SOURCE_NAME,     /* the thread was renamed */
	PLAIT_SOURCE_EXIT,     /* the thread ended */
	PLAIT_SOURCE_CODE,     /* a code object was seen for the first time; comes before the sample that needs it */
	PLAIT_SOURCE_LOST,     /* `count` samples were lost */
	PLAIT_SOURCE_THROTTLE, /* the kernel throttled the event on a CPU */
};

struct plait_source_map {
	uint64_t start, size, offset; /* offset: into the file, bytes */
	uint32_t protection;	      /* PROT_* */
	uint64_t device, inode;	      /* device as makedev(major, minor) */
	const char *path;	      /* "//anon", "[vdso]", "/usr/lib/..." as the kernel names it */
};

/* Valid during the call that delivers it. */
struct plait_source_event {
	enum plait_source_event_kind kind;
	uint64_t time; /* ns, CLOCK_MONOTONIC */
	uint32_t pid, tid;
	union {
		struct plait_sample sample;
		struct plait_source_map map;
		struct {
			uint32_t parent_pid, parent_tid;
		} fork;
		const char *name;		    /* EXEC, NAME */
		const struct plait_wire_code *code; /* `table` holds table_size bytes */
		uint64_t count;			    /* LOST */
	};
};

/* Receives events in the order of their time. An error ends plait_source_poll() and is returned by it. */
typedef struct plait_error *(*plait_source_handler)(void *context, const struct plait_source_event *event);

/* What an event counted since it was opened, over all threads and CPUs. */
struct plait_source_count {
	uint64_t value;		   /* not scaled */
	uint64_t enabled, running; /* ns that it was wanted, and that a counter had it: less when they are shared */
};

struct plait_source_ops {
	const char *name; /* "bpf" */
	struct plait_error *(*count)(void *source, uint32_t event, struct plait_source_count *ret);
	struct plait_error *(*poll)(void *source, int timeout_ms, plait_source_handler handler, void *context);
	struct plait_error *(*stop)(void *source); /* disables the events; a last poll delivers what is left */
	void (*destroy)(void *source);
};

struct plait_source {
	const struct plait_source_ops *ops;
	void *self;
};

/* Waits up to `timeout_ms` for data, then delivers every event that is complete, in order of time. timeout 0 delivers
 * what is there; timeout < 0 drains everything (after stop). EINTR is not an error: it returns early. */
static inline struct plait_error *plait_source_poll(struct plait_source *source, int timeout_ms,
						    plait_source_handler handler, void *context)
{
	return source->ops->poll(source->self, timeout_ms, handler, context);
}

static inline struct plait_error *plait_source_stop(struct plait_source *source)
{
	return source->ops->stop(source->self);
}

/* `event` is an index into the source's events. Also after stop. */
static inline struct plait_error *plait_source_count(struct plait_source *source, uint32_t event,
						     struct plait_source_count *ret)
{
	return source->ops->count(source->self, event, ret);
}

static inline void plait_source_destroy(struct plait_source *source)
{
	if (source->ops)
		source->ops->destroy(source->self);
	source->ops = NULL;
}

#endif

/*
 * Every event that there is a name for, and whether this host counts it: what `plait list` shows.
 */
#ifndef PLAIT_PERF_EVENT_CATALOG_H
#define PLAIT_PERF_EVENT_CATALOG_H

#include "perf/event/roots.h"

enum plait_catalog_source {
	PLAIT_CATALOG_GROUP,	  /* record -M */
	PLAIT_CATALOG_SOFTWARE,	  /* counted by the kernel */
	PLAIT_CATALOG_HARDWARE,	  /* generic names of the processor's and its caches' events */
	PLAIT_CATALOG_PMU,	  /* PMU/NAME/, as the kernel describes it */
	PLAIT_CATALOG_PROCESSOR,  /* libpfm4's names for this processor */
	PLAIT_CATALOG_UMASK,	  /* of the PROCESSOR event before it */
	PLAIT_CATALOG_TRACEPOINT, /* SYSTEM:NAME */
	PLAIT_CATALOG_SOURCES,
};

/* One name. Texts are valid during the call that hands it over. */
struct plait_catalog_entry {
	enum plait_catalog_source source;
	const char *name;
	const char *description; /* "" when there is none */
	const char *refusal;	 /* why this host does not count it; NULL: it does, as far as was tried */
};

/* Whether an entry of this source, name and description is wanted at all: what is not is not tried. */
typedef bool (*plait_catalog_filter)(void *context, enum plait_catalog_source source, const char *name,
				     const char *description);
typedef void (*plait_catalog_visitor)(void *context, const struct plait_catalog_entry *entry);

/* Hands over the wanted entries, by source. Each software, hardware and PMU event is opened on this process to know;
 * of the processor's events and the tracepoints one stands for all. */
void plait_catalog_each(const struct plait_event_roots *roots, plait_catalog_filter filter, plait_catalog_visitor visit,
			void *context);

#endif

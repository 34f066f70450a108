/*
 * What `plait doctor` found out: one line each, with what to do about it.
 */
#ifndef PLAIT_CLI_DOCTOR_FINDING_H
#define PLAIT_CLI_DOCTOR_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/vec.h"

enum plait_finding_state {
	PLAIT_FINDING_FACT,    /* neither good nor bad */
	PLAIT_FINDING_WORKS,   /* tried, and it works */
	PLAIT_FINDING_LIMITED, /* works in part */
	PLAIT_FINDING_FAILS,
};

/* Texts are owned. */
struct plait_finding {
	const char *area; /* static: "host", "engine", "event", "symbols", "process" */
	char *name;	  /* "bpf", "cycles", ... */
	enum plait_finding_state state;
	char *text;   /* what was found: the fact, or the cause */
	char *remedy; /* what mends it; NULL: nothing has to, or nothing can */
};

/* Zeroed is empty. */
struct plait_findings {
	PLAIT_VEC(struct plait_finding) all;
	bool in_container; /* set by the host's findings; remedies depend on it */
};

/* Adds one; the texts are copied, `remedy` may be NULL. False: no memory. */
bool plait_findings_add(struct plait_findings *findings, const char *area, const char *name,
			enum plait_finding_state state, const char *text, const char *remedy);

/* The same with a printf-style text and without a remedy. */
bool plait_findings_tell(struct plait_findings *findings, const char *area, const char *name,
			 enum plait_finding_state state, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Adds a failure with the error's message and advice, and frees the error. */
bool plait_findings_fail(struct plait_findings *findings, const char *area, const char *name,
			 struct plait_error *error);

void plait_findings_release(struct plait_findings *findings);

/* Each looks at one area and adds to `findings`. The only error is no memory: what cannot be found out is a finding. */
struct plait_error *plait_doctor_host(struct plait_findings *findings);
struct plait_error *plait_doctor_engines(struct plait_findings *findings);
struct plait_error *plait_doctor_events(struct plait_findings *findings);
struct plait_error *plait_doctor_symbols(struct plait_findings *findings);
struct plait_error *plait_doctor_process(struct plait_findings *findings, pid_t pid);

#endif
